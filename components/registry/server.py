"""The MLflow server of the embedded stack: how it is started small, and when it is ready."""

from __future__ import annotations

import sys
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

from components.registry.environment import QUIET
from components.registry.errors import RegistryAwayError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FOLDER = "mlflow"
_ASK_S = 2.0
_PAUSE_S = 0.1


def mlflow_server_command(
    home: Path, port: int, host: str = "127.0.0.1", *, database: str | None = None
) -> tuple[list[str], dict[str, str]]:
    """Command and environment of a server that keeps everything in `home/mlflow`.

    One worker and no job execution: 2 processes and 0.5 GB instead of 10 and 2.4 GB. The
    environment is what is needed beyond the one the process inherits. The folder is made.
    With a database given, runs and versions are kept there; it may hold a password, so it goes
    by the environment, where `ps` does not show it. Artifacts stay in the folder.
    """
    folder = home.resolve() / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    argv = [sys.executable, "-m", "mlflow", "server"]
    argv += ["--host", host, "--port", str(port), "--workers", "1"]
    argv += ["--artifacts-destination", str(folder / "artifacts"), "--serve-artifacts"]
    return argv, {
        **QUIET,
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_BACKEND_STORE_URI": database or f"sqlite:///{folder}/mlflow.db",
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
