"""The environment our processes run in: which servers they talk to, and no phone-home."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from components.settings.settings import Settings

NOTIFY_FILE = "JOULEPILOT_NOTIFY_FILE"
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
    told = {} if settings.notify_file is None else {NOTIFY_FILE: str(settings.notify_file)}
    return (
        QUIET
        | told
        | {
            "JOULEPILOT_APPROVAL": settings.approval,
            "JOULEPILOT_HOME": str(settings.home),
            "JOULEPILOT_HUB_HOST": settings.hub_host,
            "JOULEPILOT_HUB_PORT": str(settings.hub_port),
            "JOULEPILOT_MLFLOW_PORT": str(settings.mlflow_port),
            "JOULEPILOT_PREFECT_PORT": str(settings.prefect_port),
            "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",  # away: 5 s instead of 246 s
            "PREFECT_API_URL": settings.prefect_api_url,
            "PREFECT_HOME": str(settings.home / "prefect"),
            "PREFECT_RESULTS_DEFAULT_SERIALIZER": "json",  # the default pickles
            "PREFECT_CLI_PROMPT": "false",
            "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
        }
    )
