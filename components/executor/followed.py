"""What the release log asks of this node now, as far as it could be followed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from components.jobs.job import Mode

if TYPE_CHECKING:
    from datetime import datetime

    from components.policy.brain import Brain
    from components.policy.device_bundle import DeviceClassifier
    from components.releases.sweep import SweepRequest


@dataclass(frozen=True, slots=True)
class AskedSweep:
    """A sweep that an entry asks of this node."""

    sequence: int
    request: SweepRequest


@dataclass(frozen=True, slots=True)
class Followed:
    """One consistent picture; the loop takes it whole, between two ticks."""

    release: int | None = None
    """Sequence of the entry in force; None before the first."""
    brain: Brain | None = None
    """None: no policy may decide here, and `health` says why."""
    challenger: Brain | None = None
    """Compared with `brain` by a canary; None: there is none."""
    devices: DeviceClassifier | None = None
    """Chooses devices; None: every job stays on the one it has."""
    mode_allowed: Mode = Mode.AUTO
    paused: bool = False
    expires_at: datetime | None = None
    blocked_digests: tuple[str, ...] = ()
    health: tuple[str, ...] = ()
    sweep: AskedSweep | None = None
    """The newest sweep asked of this node."""

    def is_in_time(self, now: datetime) -> bool:
        """Whether what is in force may decide today."""
        return self.expires_at is None or now < self.expires_at

    @property
    def policy_digest(self) -> str | None:
        """Of the bundle that decides."""
        return None if self.brain is None else self.brain.digest


class Following(Protocol):
    """Whoever follows the release log, seen from the loop."""

    def current(self) -> Followed:
        """The newest picture; returns at once."""
        ...

    def reject(self, digest: str, reason: str) -> None:
        """Block a challenger that turned out worse: it is not taken again on this node."""
        ...

    def roll_back(self) -> str:
        """Go back to the bundle that decided before and block the one in force; its digest.

        Raises:
            NothingToRollBackError: there is none from before.
        """
        ...
