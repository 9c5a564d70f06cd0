"""Where Prefect and MLflow keep their state: SQLite files of the home, or a team's PostgreSQL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flows.errors import DatabaseError

if TYPE_CHECKING:
    from pathlib import Path

    from components.settings.settings import Settings

PREFECT, MLFLOW = "joulepilot_prefect", "joulepilot_mlflow"
"""Names of the databases; they have to be there: createdb joulepilot_prefect, and the other."""
_SCHEME = "postgresql"


@dataclass(frozen=True, slots=True)
class Databases:
    """Addresses as SQLAlchemy takes them; they hold a password, so they are never shown."""

    prefect: str
    mlflow: str


def databases(settings: Settings) -> Databases | None:
    """The team's databases; None: none were given, so each server keeps files in the home.

    Raises:
        DatabaseError: the file cannot be read, or holds no address of a PostgreSQL server.
    """
    file = settings.database_file
    return None if file is None else _read(file)


def _read(file: Path) -> Databases:
    asked = f"asked for the database named in {file}"
    remedy = "write one line: postgresql://USER:PASSWORD@HOST:PORT"
    try:
        text = file.read_text().strip()
        parts = urlsplit(text)
        host = parts.hostname
    except (OSError, ValueError) as error:
        raise DatabaseError(asked, f"it cannot be read: {error}", remedy) from error
    if parts.scheme != _SCHEME or not host or parts.path.strip("/") or len(text.split()) != 1:
        raise DatabaseError(asked, "it is not the address of a PostgreSQL server alone", remedy)
    return Databases(
        prefect=f"{_SCHEME}+asyncpg://{parts.netloc}/{PREFECT}",
        mlflow=f"{_SCHEME}+psycopg2://{parts.netloc}/{MLFLOW}",
    )
