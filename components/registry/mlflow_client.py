"""A client of an MLflow server that gives up soon, says why, and sends nothing home."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from components.registry.environment import prepare_environment
from components.registry.errors import RegistryAwayError, RegistryRefusedError
from components.registry.server import answers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlflow import MlflowClient

_ANSWERS_WITHIN_S = 4.0
_TRY_LATER = {"TEMPORARILY_UNAVAILABLE", "INTERNAL_ERROR", "REQUEST_LIMIT_EXCEEDED", "ABORTED"}
_ALREADY_THERE = "RESOURCE_ALREADY_EXISTS"
_NO_LOGIN = "error code 401"
_GONE = "RESOURCE_DOES_NOT_EXIST"


def connect(url: str) -> MlflowClient:
    """Make a client; nothing is asked yet. MLflow is imported here, after it was told to be quiet.

    Raises:
        RegistryRefusedError: the address is no http address.
    """
    if not url.startswith(("http://", "https://")):
        raise RegistryRefusedError(
            f"asked for MLflow at {url!r}",
            "only a server keeps runs, versions and files together",
            "give its address, like http://127.0.0.1:5000",
        )
    prepare_environment()
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=url, registry_uri=url)


@contextmanager
def asking(url: str, what: str) -> Iterator[None]:
    """Ask a server that is known to answer, and translate what it refuses.

    Raises:
        RegistryAwayError: it does not answer, or says to try later.
        RegistryRefusedError: it does not have it, or refuses it.
    """
    from mlflow.exceptions import MlflowException

    if not answers(url, timeout_s=_ANSWERS_WITHIN_S):
        raise _away(url, what, "it does not answer")
    try:
        yield
    except MlflowException as error:
        if error.error_code in _TRY_LATER:
            raise _away(url, what, _first_line(error)) from error
        who = "log in as one it knows: USER:PASSWORD in a file, named as mlflow_login_file"
        raise RegistryRefusedError(
            f"asked MLflow at {url} to {what}",
            f"it refuses: {_first_line(error)}",
            who if _NO_LOGIN in str(error) else "look at the names and versions in its pages",
        ) from error
    except OSError as error:
        raise _away(url, what, _first_line(error)) from error


def unless_there(make: Callable[[], object]) -> None:
    """Make something that someone else may have made just before."""
    _unless(_ALREADY_THERE, make)


def unless_gone(remove: Callable[[], object]) -> None:
    """Remove something that someone else may have removed just before."""
    _unless(_GONE, remove)


def _unless(code: str, ask: Callable[[], object]) -> None:
    from mlflow.exceptions import MlflowException

    try:
        ask()
    except MlflowException as error:
        if error.error_code != code:
            raise


def _away(url: str, what: str, found: str) -> RegistryAwayError:
    return RegistryAwayError(
        f"asked MLflow at {url} to {what}",
        found,
        "start it (`joulepilot up`) and ask again; releases and nodes go on without it",
    )


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]
