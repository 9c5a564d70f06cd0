"""Nodes and their jobs as rows for a terminal, and who follows the release log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.jobs.candidate import CPU_DEVICE
from components.telemetry.sample import Origin

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from components.hub.nodes import NodeState
    from components.releases.entry import Release
    from components.telemetry.heartbeat import JobStatus

SILENT_AFTER_S = 10.0  # five heartbeats
NODE_COLUMNS = ("node", "release", "mode", "job", "target", "latency", "CPUs", "state", "power")


@dataclass(frozen=True, slots=True)
class Following:
    """How many nodes run what the log says."""

    n_following: int
    behind: tuple[str, ...]
    """Names of nodes that are silent or run something else."""
    sentence: str


def following(states: Sequence[NodeState], latest: Release | None, now: datetime) -> Following:
    """Count the nodes that are heard of and have taken the last entry of the log."""
    if latest is None or not states:
        what = "there is no release yet" if latest is None else "no node was heard of yet"
        return Following(0, tuple(state.heartbeat.node for state in states), what)
    behind = tuple(
        state.heartbeat.node
        for state in states
        if state.age_s(now) > SILENT_AFTER_S or state.heartbeat.release != latest.sequence
    )
    n_following = len(states) - len(behind)
    sentence = f"{n_following} of {len(states)} nodes run release {latest.sequence}"
    if behind:
        sentence += f"; not: {', '.join(behind)}"
    return Following(n_following, behind, sentence)


def node_rows(state: NodeState, now: datetime) -> list[tuple[str, ...]]:
    """One row a job; a node without jobs has one row too."""
    beat = state.heartbeat
    silent = state.age_s(now) > SILENT_AFTER_S
    mode = "paused" if beat.paused else beat.mode
    head = (
        beat.node,
        "-" if beat.release is None else str(beat.release),
        f"silent for {state.age_s(now):.0f} s" if silent else mode,
    )
    power = "-"
    if beat.node_power_w is not None:
        simulated = ", simulated" if beat.origin is Origin.SIMULATED else ""
        power = f"{beat.node_power_w:.1f} W {beat.power_source}{simulated}"
    if not beat.jobs:
        return [(*head, "-", "-", "-", "-", "no job", power)]
    return [(*head, *_job_cells(job), power) for job in beat.jobs]


def _job_cells(job: JobStatus) -> tuple[str, ...]:
    latency = "-" if job.latency_ms is None else f"{job.latency_ms:.2f} ms"
    layout = f" {job.layout}" if job.layout else ""
    device = f" on {job.device}" if job.device not in {None, CPU_DEVICE} else ""
    return (
        job.name,
        f"{job.target_statistic} ≤ {job.target_ms:g} ms",
        latency,
        f"{job.n_cpus}{layout} [{job.cpuset}]{device}",
        job.state,
    )
