"""What people and flows do with releases. Each returns what is in force, and whether it is new.

All of them read the latest entry, decide, and append. When someone else appends in between they
raise ConflictError and nothing has changed; asking again is the caller's choice.
"""

from __future__ import annotations

from components.releases.canary import canary_in_force, end_canary
from components.releases.directives import pause, request_sweep, resume
from components.releases.history import HistoryLine, history, release_at
from components.releases.outcome import Outcome
from components.releases.promotion import (
    desired_after_promotion,
    desired_after_rollback,
    promote,
    rollback,
    seed,
)

__all__ = [
    "HistoryLine",
    "Outcome",
    "canary_in_force",
    "desired_after_promotion",
    "desired_after_rollback",
    "end_canary",
    "history",
    "pause",
    "promote",
    "release_at",
    "request_sweep",
    "resume",
    "rollback",
    "seed",
]
