"""The MLflow server of the embedded stack: how it is started small, and when it is ready."""

from __future__ import annotations

import secrets
import sys
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

from components.durable_file import replace_file
from components.registry.environment import QUIET
from components.registry.errors import RegistryAwayError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from components.settings.login import Login

FOLDER = "mlflow"
_ASK_S = 2.0
_PAUSE_S = 0.1
_LOGIN_KNOWN_FOR_S = 60
"""Without it each request costs the hashing of a password, 0.3 s and more."""
_AUTH = """[mlflow]
default_permission = READ
database_uri = {users}
auth_cache_ttl_seconds = {cached_s}
"""


def mlflow_server_command(
    home: Path,
    port: int,
    host: str = "127.0.0.1",
    *,
    database: str | None = None,
    admin: Login | None = None,
) -> tuple[list[str], dict[str, str]]:
    """Command and environment of a server that keeps everything in `home/mlflow`.

    One worker and no job execution: 2 processes and 0.5 GB instead of 10 and 2.4 GB. The
    environment is what is needed beyond the one the process inherits. The folder is made.
    With a database given, runs and versions are kept there; it may hold a password, so it goes
    by the environment, where `ps` does not show it. Artifacts stay in the folder. With an
    administrator given it asks everyone to log in; he is made at the first start.
    """
    folder = home.resolve() / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    store = database or f"sqlite:///{folder}/mlflow.db"
    argv = [sys.executable, "-m", "mlflow", "server"]
    argv += ["--host", host, "--port", str(port), "--workers", "1"]
    argv += ["--artifacts-destination", str(folder / "artifacts"), "--serve-artifacts"]
    environment = {
        **QUIET,
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_BACKEND_STORE_URI": store,
    }
    if admin is not None:
        argv += ["--app-name", "basic-auth"]
        environment |= _locked(folder, database or f"sqlite:///{folder}/auth.db", admin)
    return argv, environment


def _locked(folder: Path, users: str, admin: Login) -> dict[str, str]:
    """What the server needs to ask for logins; its key is made once and kept."""
    key, config = folder / "flask.key", folder / "basic_auth.ini"
    if not key.exists():
        replace_file(key, secrets.token_hex(32))
    address = users.replace("%", "%%")  # the format of the file would expand it
    replace_file(config, _AUTH.format(users=address, cached_s=_LOGIN_KNOWN_FOR_S))
    return {
        "MLFLOW_AUTH_ADMIN_PASSWORD": admin.password,
        "MLFLOW_AUTH_ADMIN_USERNAME": admin.user,
        "MLFLOW_AUTH_CONFIG_PATH": str(config),
        "MLFLOW_FLASK_SERVER_SECRET_KEY": key.read_text(),
    }


def wait_until_ready(
    url: str, *, timeout_s: float = 60.0, is_alive: Callable[[], bool] = lambda: True
) -> None:
    """Wait until a server answers.

    Args:
        url: of the server.
        timeout_s: seconds to wait at most.
        is_alive: whether the process that was started still runs.

    Raises:
        RegistryAwayError: it ended, or does not answer in time.
    """
    deadline = time.monotonic() + timeout_s
    while not answers(url):
        if not is_alive():
            raise _away(url, "the process ended")
        if time.monotonic() > deadline:
            raise _away(url, f"it does not answer within {timeout_s:.0f} s")
        time.sleep(_PAUSE_S)


def answers(url: str, *, timeout_s: float = _ASK_S) -> bool:
    """Whether an MLflow server says that it is well."""
    try:
        with urllib.request.urlopen(f"{url.rstrip('/')}/health", timeout=timeout_s) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except (OSError, ValueError):
        return False


def _away(url: str, found: str) -> RegistryAwayError:
    return RegistryAwayError(
        f"asked for MLflow at {url}", found, "look into what it printed, and start it again"
    )
