"""Watches one job: opens a window, lets it grow until it can be judged, closes it."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.errors import JoulepilotError
from components.executor.window import (
    ClosedWindow,
    JobReading,
    is_contended,
    power_between,
    utc,
)
from components.telemetry.cpu_times import cpu_utilization
from components.telemetry.errors import ReadingError
from components.telemetry.window import LatencyWindow, requests_needed

if TYPE_CHECKING:
    from collections.abc import Callable

    from components.jobs.target import Target
    from components.node.cpuset import CpuSet

log = logging.getLogger(__name__)

CUT_SIGMAS = 3.0
"""A trial is ended when its latency lies above the target by more than this."""


@dataclass(frozen=True, slots=True)
class Demand:
    """When a window may be closed, and what it is judged by."""

    target: Target
    cpus: CpuSet
    """The CPUs in force all through it."""
    plain_s: float
    """Length of a plain window."""
    n_windows: int
    """Length asked for, in plain windows."""
    min_requests: int
    max_s: float
    contended_share: float
    cut_log_sigma: float | None = None
    """End the window as soon as it shows the target missed beyond chance, this being the noise of
    the log latency of a plain one; None: let it run."""

    @property
    def length_s(self) -> float:
        """Least length."""
        return self.plain_s * self.n_windows

    @property
    def may_be_cut(self) -> bool:
        """Whether the window has to be looked at all along."""
        return self.cut_log_sigma is not None


class WindowObserver:
    """The windows of one job, one after the other; one is open at a time.

    A window never reaches over a change of CPUs: `restart` throws away what is open and lets the
    next begin when things have settled. A server that was restarted begins a new window too.
    """

    def __init__(self, read: Callable[[], JobReading]) -> None:
        self._read = read
        self._start: JobReading | None = None
        self._opens_at_s = -math.inf
        self._failing_since_s: float | None = None
        self._next_try_s = -math.inf
        self.read_at_s = -math.inf
        """When it was last tried to read the job."""
        self.error: str | None = None
        """Why the job could not be read the last time; None when it could."""

    def restart(self, opens_at_s: float) -> None:
        """Throw away the open window; the next begins at the first tick from then on."""
        self._start = None
        self._opens_at_s = opens_at_s

    def failing_s(self, at_s: float) -> float:
        """For how long the job could not be read; 0 while it can."""
        return 0.0 if self._failing_since_s is None else at_s - self._failing_since_s

    def is_due(self, at_s: float, demand: Demand) -> bool:
        """Whether there is something to read now: a window may begin or end, or be cut short."""
        if at_s < max(self._opens_at_s, self._next_try_s):
            return False
        return demand.may_be_cut or not self._is_early(at_s, demand)

    def tick(self, at_s: float, demand: Demand) -> ClosedWindow | None:
        """Look whether the window is over; its end is the start of the next."""
        if not self.is_due(at_s, demand):
            return None
        start = self._start
        reading = self._try_read(at_s, demand.plain_s)
        if reading is None:
            return None
        if start is None:
            self._start = reading
            return None
        window = self._close(start, reading, demand, is_early=self._is_early(at_s, demand))
        if window is not None:
            self._start = reading
        return window

    def interrupt(self, at_s: float, demand: Demand) -> ClosedWindow | None:
        """Close the window before something around the job changes, if it can be judged already."""
        start = self._start
        if start is None or at_s - start.node.at_s < demand.plain_s / 2:
            return None
        reading = self._try_read(at_s, demand.plain_s)
        if reading is None:
            return None
        window = self._close(start, reading, demand, is_early=False)
        return window if window is not None and window.is_judgeable else None

    def _is_early(self, at_s: float, demand: Demand) -> bool:
        start = self._start
        return start is not None and at_s - start.node.at_s < demand.length_s - 1e-6

    def _close(
        self, start: JobReading, end: JobReading, demand: Demand, *, is_early: bool
    ) -> ClosedWindow | None:
        elapsed_s = end.node.at_s - start.node.at_s
        try:
            latency = LatencyWindow.between(start.latency, end.latency, elapsed_s)
        except ReadingError as error:
            log.info("a window is begun anew: %s", error)
            self._start = end
            return None
        needed = requests_needed(demand.target.statistic, demand.min_requests)
        cut = _misses(latency, demand, needed, elapsed_s)
        is_judgeable = latency.n_requests >= needed
        if is_early and not cut:
            return None
        if not (cut or is_judgeable) and elapsed_s < max(demand.max_s, demand.length_s):
            return None
        return ClosedWindow(
            start=utc(start.now_s),
            elapsed_s=elapsed_s,
            n_windows=max(min(elapsed_s / demand.plain_s, latency.n_requests / needed), 0.1),
            latency=latency,
            power_w=power_between(start, end),
            cpu_utilization=_utilization(start, end),
            own_cpu_s=end.cpu_time_s - start.cpu_time_s,
            contended=is_contended(
                start,
                end,
                demand.cpus,
                end.managed_cpu_s - start.managed_cpu_s,
                demand.contended_share,
            ),
            is_judgeable=is_judgeable or cut,
            cut_short=cut,
        )

    def _try_read(self, at_s: float, plain_s: float) -> JobReading | None:
        self.read_at_s = at_s
        try:
            reading = self._read()
        except JoulepilotError as error:
            if self.error is None:
                log.warning("a job cannot be read: %s", error)
            self.error = str(error)
            if self._failing_since_s is None:
                self._failing_since_s = at_s
            # a server that is away costs a time-out: do not let it slow down every tick
            self._next_try_s = at_s + min(plain_s, self.failing_s(at_s))
            return None
        self.error = None
        self._failing_since_s = None
        self._next_try_s = -math.inf
        return reading


def _misses(latency: LatencyWindow, demand: Demand, needed: int, elapsed_s: float) -> bool:
    """Whether so far the target is missed beyond chance, by a quarter of the requests it takes."""
    if demand.cut_log_sigma is None or latency.n_requests < max(needed // 4, 5):
        return False
    seen_ms = latency.latency_ms(demand.target.statistic)
    n_windows = min(elapsed_s / demand.plain_s, latency.n_requests / needed)
    margin = CUT_SIGMAS * demand.cut_log_sigma / math.sqrt(n_windows)
    return seen_ms is not None and seen_ms > demand.target.latency_ms * math.exp(margin)


def _utilization(start: JobReading, end: JobReading) -> tuple[float, ...] | None:
    before, after = start.node.busy_s, end.node.busy_s
    if before is None or after is None:
        return None
    try:
        by_cpu = cpu_utilization(before, after, end.node.at_s - start.node.at_s)
    except ReadingError as error:
        log.info("CPU use of a window is left out: %s", error)
        return None
    return tuple(by_cpu[cpu] for cpu in sorted(by_cpu))
