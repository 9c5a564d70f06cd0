"""What the nodes of a canary say of it, summed up to how it ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.jobs.job import Mode
from components.planning.comparison import Standing
from components.releases.canary import Canary, End
from components.releases.patterns import matches
from flows.node_table import SILENT_AFTER_S

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from components.hub.nodes import NodeState
    from components.telemetry.heartbeat import Heartbeat

ACTING = (Mode.AUTO, Mode.CANARY)


@dataclass(frozen=True, slots=True)
class Report:
    """What one node says of a canary."""

    node: str
    standing: Standing | None
    """None: nothing yet, or of another entry."""
    words: str
    n_pairs: int
    is_awaited: bool
    """Whether it is heard of and has a job whose CPUs it may change."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """How a canary ends by what all its nodes say."""

    end: End | None
    """None: it goes on."""
    words: str
    n_pairs: int


def judge(canary: Canary, states: Sequence[NodeState], now: datetime) -> Judgement:
    """Sum up; one node on which it regressed is enough, and one that won is not.

    It is won, or undecided, when every node that is awaited has said so; of undecided nodes and
    some that won it is won, for nowhere was it worse.
    """
    reports = [
        _report(canary, state, now)
        for state in states
        if matches(state.heartbeat.node, canary.nodes)
    ]
    ended = [report for report in reports if report.standing and report.standing.is_over]
    worse = [report for report in ended if report.standing is Standing.REGRESSED]
    if worse:
        return _judgement(End.REGRESSED, worse)
    if ended and not any(report.is_awaited for report in reports if report not in ended):
        won = any(report.standing is Standing.WON for report in ended)
        return _judgement(End.WON if won else End.UNDECIDED, ended)
    return _judgement(End.EXPIRED if now >= canary.ends_at else None, reports)


def can_compare(beat: Heartbeat) -> bool:
    """Whether a node has a job whose CPUs it may change: elsewhere nobody takes turns."""
    return any(job.mode in ACTING for job in beat.jobs)


def _report(canary: Canary, state: NodeState, now: datetime) -> Report:
    beat, experiment = state.heartbeat, state.heartbeat.experiment
    is_of_this = (
        experiment is not None
        and experiment.digest == canary.digest
        and (beat.release or 0) >= canary.started.sequence
    )
    standing: Standing | None = None
    words, n_pairs = "nothing was compared", 0
    if experiment is not None and is_of_this:
        standing = next((known for known in Standing if known == experiment.state), None)
        words, n_pairs = experiment.reason, experiment.n_pairs
    if canary.digest in beat.blocked_digests and standing is not Standing.REGRESSED:
        standing, words = Standing.REGRESSED, "it was rolled back there and is blocked"
    is_up = state.age_s(now) <= SILENT_AFTER_S
    return Report(beat.node, standing, words, n_pairs, is_up and can_compare(beat))


def _judgement(end: End | None, reports: Sequence[Report]) -> Judgement:
    words = "; ".join(f"{report.node}: {report.words}" for report in reports)
    n_pairs = sum(report.n_pairs for report in reports)
    return Judgement(end, words or "none of its nodes was heard of", n_pairs)
