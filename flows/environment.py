"""The environment our processes run in: which servers they talk to, and no phone-home."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.settings.login import read_login
from components.settings.settings import ENVIRONMENT_PREFIX

if TYPE_CHECKING:
    from components.settings.settings import Settings

FILES = ("notify_file", "hub_login_file", "prefect_login_file", "mlflow_login_file")
QUIET: dict[str, str] = {
    "DO_NOT_TRACK": "true",  # MLflow takes the word only, not 1
    "GX_ANALYTICS_ENABLED": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "ORT_DISABLE_TELEMETRY": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
}
"""Every library's phone-home, off."""


def service_environment(settings: Settings) -> dict[str, str]:
    """What a process of the slow path needs beyond the environment it inherits."""
    return (
        QUIET
        | _files(settings)
        | _logins(settings)
        | {
            "JOULEPILOT_APPROVAL": settings.approval,
            "JOULEPILOT_HOME": str(settings.home),
            "JOULEPILOT_HUB_HOST": settings.hub_host,
            "JOULEPILOT_HUB_PORT": str(settings.hub_port),
            "JOULEPILOT_MLFLOW_HOST": settings.mlflow_host,
            "JOULEPILOT_MLFLOW_PORT": str(settings.mlflow_port),
            "JOULEPILOT_PREFECT_HOST": settings.prefect_host,
            "JOULEPILOT_PREFECT_PORT": str(settings.prefect_port),
            "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",  # away: 5 s instead of 246 s
            "PREFECT_API_URL": settings.prefect_api_url,
            "PREFECT_HOME": str(settings.home / "prefect"),
            "PREFECT_RESULTS_DEFAULT_SERIALIZER": "json",  # the default pickles
            "PREFECT_CLI_PROMPT": "false",
            "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
        }
    )


def _files(settings: Settings) -> dict[str, str]:
    """Files that our own processes read for themselves."""
    named = {name: getattr(settings, name) for name in FILES}
    return {
        ENVIRONMENT_PREFIX + name.upper(): str(file)
        for name, file in named.items()
        if file is not None
    }


def _logins(settings: Settings) -> dict[str, str]:
    """How clients of Prefect and MLflow log in, in their own words."""
    environment = {}
    if prefect := read_login(settings.prefect_login_file):
        environment["PREFECT_API_AUTH_STRING"] = prefect.text
    if mlflow := read_login(settings.mlflow_login_file):
        environment["MLFLOW_TRACKING_USERNAME"] = mlflow.user
        environment["MLFLOW_TRACKING_PASSWORD"] = mlflow.password
    return environment
