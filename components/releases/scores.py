"""How well a policy did on an evaluation set, case by case, so that two can be paired."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CaseScore:
    """One case: one surface with one target."""

    case: str
    regret: float
    """Node power of the commitment over the least feasible one, less 1; by true values."""
    violated: bool
    """The commitment misses the target by true latency."""
    probes: int
    unsafe_probes: int
    power_w: float


@dataclass(frozen=True, slots=True)
class Scores:
    """A policy's scores; two may be compared only on the same evaluation set."""

    policy: str
    evaluation_set: str
    """SHA-256 over the evaluation set."""
    cases: tuple[CaseScore, ...]
