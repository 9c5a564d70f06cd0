"""An alias moved by hand in MLflow: through the gate to an entry, or put back and told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.errors import JoulepilotError
from components.registry.errors import RegistryError
from components.releases.log import ReleaseLog
from components.releases.source import RELEASES
from flows.mirroring import catch_up, mirror, moved_by_hand
from flows.releasing import promote_version
from flows.telling.findings import Finding

if TYPE_CHECKING:
    from components.settings.settings import Settings
    from flows.mirroring import Moved

WHO = "someone in MLflow"


def answer_requests(settings: Settings) -> tuple[Finding, ...]:
    """Grant or refuse every alias that was moved by hand; without one, see that all are right.

    Returns:
        What people are to be told; nothing while MLflow is away, it is asked again later.
    """
    try:
        moved = moved_by_hand(settings)
        if not moved:
            catch_up(settings)
        return tuple(_answer(settings, request) for request in moved)
    except RegistryError:
        return ()


def _answer(settings: Settings, moved: Moved) -> Finding:
    number, key = moved.wanted.version, f"alias {moved.policy} {moved.wanted.version}"
    why = f"alias champion moved by hand from version {moved.was or 'none'} to {number}"
    try:
        outcome = promote_version(settings, moved.wanted, who=WHO, why=why)
    except JoulepilotError as error:
        _put_back(settings)
        return Finding(
            f"{key} refused",
            f"version {number} is not champion of {moved.policy}",
            f"The alias was moved by hand and is put back: {error.found}.",
            error.remedy,
        )
    sequence = outcome.release.sequence
    return Finding(
        f"{key} granted {sequence}",
        f"version {number} of {moved.policy} runs everywhere",
        f"The alias was moved by hand; the gate's verdict passes: {outcome.sentence}.",
        "joulepilot history; take it back: joulepilot rollback --why …",
    )


def _put_back(settings: Settings) -> None:
    latest = ReleaseLog(settings.home / RELEASES).latest()
    if latest is not None:
        mirror(settings, latest)
