"""What MLflow reads from the environment: no phone-home, no chatter, and giving up soon."""

from __future__ import annotations

import os

QUIET = {
    "DO_NOT_TRACK": "true",  # MLflow takes the word, not 1
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # our output is for people and machines
}
IMPATIENT = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",  # by default a server that is away blocks for 246 s
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
}


def prepare_environment() -> None:
    """Set what has to be there before MLflow is imported; what a person set to be patient stays."""
    os.environ.update(QUIET)
    for name, value in IMPATIENT.items():
        os.environ.setdefault(name, value)
