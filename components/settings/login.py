"""A name and a password, read from a file that only its reader can open."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from components.settings.settings import SettingsError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Login:
    """Who logs in at a server; the password is never shown."""

    user: str
    password: str = field(repr=False)

    @property
    def text(self) -> str:
        """As HTTP's basic authentication writes it, before it is encoded."""
        return f"{self.user}:{self.password}"

    @property
    def authorization(self) -> str:
        """The value of HTTP's header of that name."""
        return f"Basic {b64encode(self.text.encode()).decode()}"


def read_login(file: Path | None) -> Login | None:
    """Read a login; None: no file was named, so the server lets everyone in.

    Raises:
        SettingsError: the file cannot be read, or is not one line USER:PASSWORD.
    """
    if file is None:
        return None
    asked, remedy = f"asked for the login in {file}", "write one line into it: USER:PASSWORD"
    try:
        text = file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(asked, f"it cannot be read: {error}", remedy) from error
    user, colon, password = text.partition(":")
    if not (user and colon and password) or len(text.split()) != 1:
        raise SettingsError(asked, "it is not one line USER:PASSWORD", remedy)
    return Login(user, password)
