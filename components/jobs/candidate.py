"""What a job could be given, what is predicted of it, and what it was given."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

from components.jobs.errors import JobError
from components.node.cpuset import CpuSet, format_cpu_list
from components.node.placement import Layout

CPU_DEVICE = "cpu"
DEFAULT_VARIANT = "default"


@dataclass(frozen=True, slots=True, order=True)
class Candidate:
    """One thing a job could be given; which CPUs exactly is the plan's matter."""

    n_cpus: int
    layout: Layout = Layout.COMPACT
    device: str = CPU_DEVICE
    variant: str = DEFAULT_VARIANT

    def __post_init__(self) -> None:
        if self.n_cpus < 1:
            raise JobError(
                f"asked for {self.n_cpus} CPUs", "a job needs a CPU", "ask for at least 1"
            )

    def __str__(self) -> str:
        extra = "".join(
            f" {word}"
            for word, default in ((self.device, CPU_DEVICE), (self.variant, DEFAULT_VARIANT))
            if word != default
        )
        return f"{self.n_cpus} CPUs {self.layout}{extra}"


@dataclass(frozen=True, slots=True)
class Prediction:
    """Latency and node power expected of a candidate, each with the sigma of its natural log."""

    candidate: Candidate
    latency_ms: float
    latency_log_sigma: float
    power_w: float
    power_log_sigma: float

    def p_within(self, latency_ms: float) -> float:
        """Probability that the true latency is at most this."""
        slack = math.log(latency_ms / self.latency_ms)
        if self.latency_log_sigma == 0.0:
            return float(slack >= 0.0)
        return NormalDist(0.0, self.latency_log_sigma).cdf(slack)


@dataclass(frozen=True, slots=True)
class Allocation:
    """What one job gets: a candidate and the CPUs that make it real."""

    candidate: Candidate
    cpus: CpuSet

    def __post_init__(self) -> None:
        if len(self.cpus) != self.candidate.n_cpus:
            raise JobError(
                f"asked for {self.candidate}",
                f"the CPUs [{format_cpu_list(self.cpus)}] are {len(self.cpus)}",
                "give as many CPUs as the candidate names",
            )
