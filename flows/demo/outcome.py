"""Per job: latency, CPUs and watts, before and after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.hub.nodes import NodeState
    from components.telemetry.heartbeat import JobStatus
    from flows.demo.jobs import DemoJob
    from flows.demo.nodes import DemoNodes

COLUMNS = (
    "job", "target", "latency before", "after", "CPUs before", "after", "node power before",
    "after", "source", "release",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Moment:
    """What a node said of one job at one time."""

    latency_ms: float | None
    n_cpus: int
    power_w: float | None
    power_source: str | None
    release: int | None


class Outcomes:
    """Remembers what was seen of each job before and after the loop acted."""

    def __init__(self, nodes: DemoNodes) -> None:
        self._nodes = nodes
        self._before: dict[str, Moment] = {}
        self._after: dict[str, Moment] = {}

    def before(self, job: str, status: JobStatus, state: NodeState | None) -> None:
        """Remember a job as it was found."""
        self._before[job] = _moment(status, state)

    def after(self, job: str, status: JobStatus, state: NodeState | None) -> None:
        """Remember a job as the policy left it."""
        self._after[job] = _moment(status, state)

    def table(self, jobs: Sequence[DemoJob]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Columns and one row a job."""
        return COLUMNS, [_row(job, self._before[job.name], self._after[job.name]) for job in jobs]


def _moment(status: JobStatus, state: NodeState | None) -> Moment:
    beat = None if state is None else state.heartbeat
    return Moment(
        status.latency_ms,
        status.n_cpus,
        None if beat is None else beat.node_power_w,
        None if beat is None else beat.power_source,
        None if beat is None else beat.release,
    )


def _row(job: DemoJob, before: Moment, after: Moment) -> tuple[str, ...]:
    return (
        job.name,
        f"mean ≤ {job.target_ms:g} ms",
        _with_unit(before.latency_ms, "ms"),
        _with_unit(after.latency_ms, "ms"),
        str(before.n_cpus),
        str(after.n_cpus),
        _with_unit(before.power_w, "W"),
        _with_unit(after.power_w, "W"),
        after.power_source or "-",
        "-" if after.release is None else str(after.release),
    )


def _with_unit(value: float | None, unit: str) -> str:
    return "-" if value is None else f"{value:.1f} {unit}"
