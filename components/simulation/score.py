"""How well a contender did, beside the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.simulation.play import Record

ALL_CPUS = "all CPUs to all jobs"
ORACLE = "oracle"
OURS = "joulepilot"
PER_JOB = "joulepilot, each job by itself"
SETTLED_AFTER = 0.25
"""Share of a scenario after which moves are counted: before, everything is new."""


@dataclass(frozen=True, slots=True)
class Score:
    """One line of the table."""

    contender: str
    power_w: float
    """Mean over the scenario."""
    saving: float
    """Of the energy that all CPUs to all jobs take."""
    of_oracle: float
    """Saving over that of the oracle."""
    missed: int
    """Windows whose target was missed, probes apart."""
    met_share: float
    missed_probes: int
    """Windows of probes that missed."""
    moves_per_job_hour: float
    """After the first quarter, probes apart."""


def score(records: Sequence[Record]) -> tuple[Score, ...]:
    """Compare contenders; all CPUs and the oracle have to be among them."""
    by_name = {record.contender: record for record in records}
    all_w = float(by_name[ALL_CPUS].power_w.mean())
    oracle = 1.0 - float(by_name[ORACLE].power_w.mean()) / all_w
    return tuple(_score(record, all_w, oracle) for record in records)


def best_other(scores: Sequence[Score]) -> Score:
    """The baseline that saves most without missing more windows than we do.

    All CPUs to all jobs where there is none.
    """
    ours = next(s for s in scores if s.contender == OURS)
    others = [s for s in scores if s.contender not in {OURS, ORACLE} and s.missed <= ours.missed]
    fallback = next(s for s in scores if s.contender == ALL_CPUS)
    return max(others, key=lambda s: s.saving, default=fallback)


def _score(record: Record, all_w: float, oracle: float) -> Score:
    power_w = float(record.power_w.mean())
    saving = 1.0 - power_w / all_w
    counted = int((~record.apart).sum())
    missed = int(record.missed.sum())
    begin = round(SETTLED_AFTER * len(record.power_w))
    hours = (len(record.power_w) - begin) * record.step_s / 3600.0
    moves = int(record.moved[begin:].sum())
    return Score(
        contender=record.contender,
        power_w=power_w,
        saving=saving,
        of_oracle=saving / oracle if oracle > 0 else 0.0,
        missed=missed,
        met_share=1.0 - missed / max(counted, 1),
        missed_probes=int(((record.latency > 1.0) & record.apart).sum()),
        moves_per_job_hour=moves / (len(record.jobs) * hours) if hours > 0 else 0.0,
    )
