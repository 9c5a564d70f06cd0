"""Settings, each with the place its value came from."""

from __future__ import annotations

import difflib
import os
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING

from components.errors import PermanentError

if TYPE_CHECKING:
    from collections.abc import Mapping

ENVIRONMENT_PREFIX = "JOULEPILOT_"
FILE_NAME = "joulepilot.toml"
REQUIRED = "required"
APPROVALS = ("off", REQUIRED)
PATHS = frozenset(
    {
        "home",
        "notify_file",
        "database_file",
        "hub_login_file",
        "prefect_login_file",
        "mlflow_login_file",
    }
)
TEXTS = frozenset({"hub_host", "mlflow_host", "prefect_host", "approval"})


class SettingsError(PermanentError):
    """A flag, an environment variable or a line of joulepilot.toml is wrong."""


def default_home() -> Path:
    """The user's data folder for joulepilot."""
    data = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local/share")
    return Path(data) / "joulepilot"


@dataclass(frozen=True, slots=True)
class Settings:
    """What a person may set for a whole command; the help of each field is its documentation."""

    home: Path = field(
        default_factory=default_home, metadata={"help": "folder that holds all state"}
    )
    hub_host: str = field(
        default="127.0.0.1", metadata={"help": "address the hub listens on or is reached at"}
    )
    hub_port: int = field(default=8321, metadata={"help": "port of the hub"})
    mlflow_host: str = field(
        default="", metadata={"help": "where MLflow is reached; else beside the hub"}
    )
    prefect_host: str = field(
        default="", metadata={"help": "where Prefect is reached; else beside the hub"}
    )
    mlflow_port: int = field(default=5000, metadata={"help": "port of the MLflow server"})
    prefect_port: int = field(default=4200, metadata={"help": "port of the Prefect server"})
    approval: str = field(
        default="off",
        metadata={"help": "off, or required: a person approves each promotion by the pipeline"},
    )
    notify_file: Path | None = field(
        default=None,
        metadata={"help": "file with whom to tell of trouble: Apprise addresses, one a line"},
    )
    database_file: Path | None = field(
        default=None,
        metadata={"help": "file with the address of PostgreSQL for Prefect and MLflow; else files"},
    )
    hub_login_file: Path | None = field(
        default=None,
        metadata={"help": "file with USER:PASSWORD for the hub; else it lets everyone in"},
    )
    prefect_login_file: Path | None = field(
        default=None,
        metadata={"help": "file with USER:PASSWORD for Prefect; else it lets everyone in"},
    )
    mlflow_login_file: Path | None = field(
        default=None,
        metadata={"help": "file with USER:PASSWORD for MLflow; else it lets everyone in"},
    )

    def __post_init__(self) -> None:
        if self.approval not in APPROVALS:
            raise SettingsError(
                f"asked for approval = {self.approval!r}",
                "there is no such rule",
                f"give one of {', '.join(APPROVALS)}",
            )
        for name in ("hub_port", "mlflow_port", "prefect_port"):
            port = getattr(self, name)
            if not 1 <= port <= 65535:
                raise SettingsError(
                    f"asked for {name} = {port}", "ports are 1 to 65535", "give one of these"
                )

    @property
    def hub_url(self) -> str:
        """Where the hub is reached."""
        return f"http://{self.hub_host}:{self.hub_port}"

    @property
    def mlflow_url(self) -> str:
        """Where MLflow is reached."""
        return f"http://{self.mlflow_host or self.hub_host}:{self.mlflow_port}"

    @property
    def prefect_api_url(self) -> str:
        """Where Prefect's API is reached."""
        return f"http://{self.prefect_host or self.hub_host}:{self.prefect_port}/api"


@dataclass(frozen=True, slots=True)
class Resolved:
    """Settings and, for each, where its value came from."""

    settings: Settings
    origins: Mapping[str, str]


def resolve(
    flags: Mapping[str, object],
    *,
    environment: Mapping[str, str] | None = None,
    file: Path | None = None,
) -> Resolved:
    """Put the settings together.

    Args:
        flags: values given on the command line by field name; None is "not given".
        environment: the environment; the process's own by default.
        file: the settings file; by default `joulepilot.toml` in the working folder, if there.

    Raises:
        SettingsError: an unknown key in the file, or a value of the wrong kind anywhere.
    """
    environment = os.environ if environment is None else environment
    file = Path(FILE_NAME) if file is None else file
    from_file = _read_file(file)
    values: dict[str, object] = {}
    origins: dict[str, str] = {}
    for item in fields(Settings):
        variable = ENVIRONMENT_PREFIX + item.name.upper()
        if flags.get(item.name) is not None:
            value, origin = flags[item.name], f"--{item.name.replace('_', '-')}"
        elif environment.get(variable):
            value, origin = environment[variable], variable
        elif item.name in from_file:
            value, origin = from_file[item.name], str(file)
        else:
            origins[item.name] = "default"
            continue
        values[item.name] = _convert(item.name, value, origin)
        origins[item.name] = origin
    return Resolved(Settings(**values), origins)  # type: ignore[arg-type]  # _convert checked each


def _read_file(file: Path) -> Mapping[str, object]:
    try:
        content = tomllib.loads(file.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(
            f"asked for the settings in {file}", f"reading it failed: {error}", "mend the file"
        ) from error
    known = [item.name for item in fields(Settings)]
    for key in content:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0)[0]
            raise SettingsError(
                f"asked for the setting {key!r} in {file}",
                f"there is none of that name; the nearest is {near!r}",
                f"use one of {', '.join(known)}",
            )
    return content


def _convert(name: str, value: object, origin: str) -> object:
    if name in PATHS:
        return Path(str(value)).expanduser().absolute()
    if name in TEXTS:
        return str(value)
    try:
        return int(str(value))
    except ValueError:
        raise SettingsError(
            f"asked for {name} = {value!r} by {origin}", "it is not a whole number", "give a port"
        ) from None
