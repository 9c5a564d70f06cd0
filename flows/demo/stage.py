"""Where a demonstration plays: a home of its own, emptied first, and free ports."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

from flows.errors import DemoError
from flows.services import free_port, is_free_port

if TYPE_CHECKING:
    from pathlib import Path

    from components.settings.settings import Resolved, Settings

PORTS = ("hub_port", "mlflow_port", "prefect_port")


def stage_settings(resolved: Resolved, name: str) -> Settings:
    """A home of its own, called `joulepilot-NAME`, and free ports, where none were asked for."""
    settings, origins = resolved.settings, resolved.origins
    if origins["home"] == "default":
        settings = replace(settings, home=settings.home.with_name(f"joulepilot-{name}"))

    def port(key: str, wanted: int) -> int:
        may_move = origins[key] == "default" and not is_free_port(settings.hub_host, wanted)
        return free_port(settings.hub_host) if may_move else wanted

    return replace(
        settings,
        hub_port=port("hub_port", settings.hub_port),
        mlflow_port=port("mlflow_port", settings.mlflow_port),
        prefect_port=port("prefect_port", settings.prefect_port),
    )


def fresh_home(home: Path, name: str) -> None:
    """Begin in an empty folder; only that of an earlier demonstration of that name is emptied.

    Raises:
        DemoError: the folder holds something else.
    """
    marker = home / f"this-is-a-{name}"
    if home.exists() and any(home.iterdir()) and not marker.exists():
        raise DemoError(
            f"asked for the {name} in {home}",
            f"that folder holds something that no {name} made",
            f"give an empty folder: joulepilot {name} --home FOLDER",
        )
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    marker.touch()
