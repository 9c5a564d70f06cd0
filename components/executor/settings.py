"""How an executor works: times, thresholds and how far it may go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.executor.errors import ExecutorSettingsError
from components.jobs.job import Mode

if TYPE_CHECKING:
    from pathlib import Path

    from components.executor.quiet_time import QuietTime


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutorSettings:
    """What may be set of an executor; seconds are those of the node's clock unless said so."""

    mode: Mode = Mode.AUTO
    """No job goes further than this, whatever its own mode says."""
    tick_s: float = 1.0
    window_s: float = 10.0
    """Least length of a window."""
    min_requests: int = 100
    """Requests from which a window is judged by its mean; quantiles need 20/(1-q)."""
    max_window_s: float = 120.0
    """A window that cannot be judged by then is published as it is, and proves nothing."""
    settle_s: float = 1.0
    """What is seen so soon after a change of CPUs belongs to no window."""
    confirm_windows: int = 10
    """Length of the confirmation of a commitment, in windows."""
    discover_s: float = 5.0
    """Time between two looks at which containers there are."""
    list_s: float = 30.0
    """The same where the host tells of each that comes or goes, and nothing is wrong: to list many
    containers costs the engine more than all else the loop asks of it."""
    foreign_hold_s: float = 300.0
    """How long CPUs that someone else set are left alone."""
    hold_s: float = 30.0
    """Least time between two narrowings by commitment."""
    remember_s: float = 900.0
    """How long a shrink that was taken back is not entered again at the same load."""
    load_change: float = 0.2
    """Relative change of the offered rate from which a search is begun anew."""
    telemetry_s: float = 60.0
    """Without a readable window for so long, a job goes back to its last good allocation."""
    contended_share: float = 0.25
    """Share of a job's CPUs used by strangers from which its window counts as contended."""
    quiet_times: tuple[QuietTime, ...] = ()
    """Maintenance windows: nothing is changed in them."""
    block_windows: int = 6
    """Length of a block of an experiment, in windows."""
    holdback_share: float = 0.05
    """Share of blocks in which the jobs of the node have their original CPUs, as proof of what is
    saved; 0: none."""
    administrator_file: Path | None = None
    """What the administrator of the node says; None: nothing."""
    plans_jointly: bool | None = False
    """Whether several jobs of a node are planned together; else each is served by itself. None:
    where the node is not so small that its jobs share."""
    heartbeat_s: float = 2.0
    """Wall time between two heartbeats."""
    follow_s: float = 3.0
    """Wall time between two looks at the release log."""
    pace: float | None = None
    """Seconds of a made-up node's clock in a second of wall time; None: as fast as can be."""

    def __post_init__(self) -> None:
        for name in ("tick_s", "window_s", "max_window_s", "heartbeat_s", "follow_s"):
            value = getattr(self, name)
            if not value > 0:
                raise ExecutorSettingsError(
                    f"asked for {name} = {value}", "it has to be above 0", "give a positive number"
                )
        if self.min_requests < 1 or self.confirm_windows < 1:
            raise ExecutorSettingsError(
                f"asked for {self.min_requests} requests and {self.confirm_windows} windows",
                "a window has a request, and a confirmation a window",
                "give at least 1",
            )
        if self.block_windows < 2 or not 0.0 <= self.holdback_share <= 0.5:
            raise ExecutorSettingsError(
                f"asked for {self.block_windows} windows a block, {self.holdback_share} held back",
                "a block has two windows or more, and at most half of them are held back",
                "give 2 or more, and 0 to 0.5",
            )
        if self.pace is not None and not self.pace > 0:
            raise ExecutorSettingsError(
                f"asked for a pace of {self.pace}", "time goes forward", "give a positive number"
            )
