"""What jobs do to each other: exposure by where their CPUs lie, sensitivity learned from samples.

The latency of a job is stretched by exp(sensitivity . exposure). Exposure has three parts, each
the sum over the other jobs of how busy they keep what is shared:

1. L3: share of an L3 group's cores that others keep busy, mean over this job's cores;
2. SMT: use of the other threads of this job's cores;
3. memory: share of the socket's cores that others keep busy, mean over this job's cores.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.node.cpuset import CpuSet
    from components.node.topology import Topology

N_PARTS = 3
NOISE = 0.02
"""Log latency that a window's ratio to its prediction scatters by, noise and prediction together"""
PRIOR = (0.08, 0.35, 0.05)
"""Sensitivities expected before anything was seen."""
PRIOR_SIGMA = (0.15, 0.3, 0.15)
MOST = (2.0, 3.0, 2.0)
"""No sensitivity is believed to be larger."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """How much of what a job uses others use too; each part in [0, threads per core]."""

    l3: float = 0.0
    smt: float = 0.0
    memory: float = 0.0

    @property
    def parts(self) -> tuple[float, float, float]:
        """L3, SMT, memory."""
        return self.l3, self.smt, self.memory


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another job: where it is, and how busy."""

    cpus: CpuSet
    use: float
    """Of each of its CPUs, in [0, 1]."""


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """Log latency per unit of exposure, as far as it is known."""

    parts: tuple[float, ...]
    information: tuple[tuple[float, ...], ...]
    """Inverse covariance of the parts."""

    def stretch(self, exposure: Exposure) -> float:
        """Factor on the job's latency."""
        log = sum(s * e for s, e in zip(self.parts, exposure.parts, strict=True))
        return math.exp(min(log, 3.0))

    def learn(self, exposure: Exposure, log_ratio: float, noise: float = NOISE) -> Sensitivity:
        """Take in how a window's latency compares with what an undisturbed one would have.

        A Kalman step; parts stay within [0, `MOST`].

        Args:
            exposure: during the window.
            log_ratio: natural logarithm of measured over undisturbed latency.
            noise: sigma of `log_ratio`.
        """
        e = exposure.parts
        if not any(e) or not math.isfinite(log_ratio):
            return self
        covariance = _inverse(self.information)
        gained = [sum(row[i] * e[i] for i in range(N_PARTS)) for row in covariance]
        spread = sum(g * x for g, x in zip(gained, e, strict=True)) + noise**2
        error = log_ratio - sum(s * x for s, x in zip(self.parts, e, strict=True))
        parts = tuple(
            min(max(s + g / spread * error, 0.0), most)
            for s, g, most in zip(self.parts, gained, MOST, strict=True)
        )
        information = tuple(
            tuple(self.information[i][k] + e[i] * e[k] / noise**2 for k in range(N_PARTS))
            for i in range(N_PARTS)
        )
        return replace(self, parts=parts, information=information)


NO_SENSITIVITY = Sensitivity(
    (0.0,) * N_PARTS,
    tuple(tuple(1e12 if i == k else 0.0 for k in range(N_PARTS)) for i in range(N_PARTS)),
)
"""A job that minds nobody, for certain."""
EXPECTED_SENSITIVITY = Sensitivity(
    PRIOR,
    tuple(
        tuple(PRIOR_SIGMA[i] ** -2 if i == k else 0.0 for k in range(N_PARTS))
        for i in range(N_PARTS)
    ),
)


def exposures(topology: Topology, jobs: Mapping[str, Neighbour]) -> dict[str, Exposure]:
    """How each job is exposed to all the others; CPUs that jobs share on purpose count as SMT."""
    cores = {name: _cores(topology, job) for name, job in jobs.items()}
    core_use: Counter[int] = Counter()
    for own in cores.values():
        core_use.update(own)
    place = {cpu.core: (cpu.l3, cpu.socket) for cpu in topology.cpus}
    l3_size = Counter(l3 for l3, _ in place.values())
    socket_size = Counter(socket for _, socket in place.values())
    l3_use, socket_use = _by_group(place, core_use, 0), _by_group(place, core_use, 1)
    answer = {}
    for name, own in cores.items():
        if not own:
            answer[name] = Exposure()
            continue
        own_l3, own_socket = _by_group(place, own, 0), _by_group(place, own, 1)
        sums = [0.0, 0.0, 0.0]
        for core, use in own.items():
            l3, socket = place[core]
            sums[0] += (l3_use[l3] - own_l3[l3]) / l3_size[l3]
            sums[1] += core_use[core] - use
            sums[2] += (socket_use[socket] - own_socket[socket]) / socket_size[socket]
        answer[name] = Exposure(*(max(s / len(own), 0.0) for s in sums))
    return answer


def _cores(topology: Topology, job: Neighbour) -> dict[int, float]:
    """How busy the job keeps each core it is on; its second thread adds a third as much."""
    threads = Counter(topology.by_id[cpu].core for cpu in job.cpus if cpu in topology.by_id)
    return {core: job.use * (1.0 + (n - 1) / 3.0) for core, n in threads.items()}


def _by_group(
    place: Mapping[int, tuple[int, int]], cores: Mapping[int, float], which: int
) -> Counter[int]:
    total: Counter[int] = Counter()
    for core, use in cores.items():
        total[place[core][which]] += use  # type: ignore[assignment]  # a Counter of floats
    return total


def _inverse(m: tuple[tuple[float, ...], ...]) -> list[list[float]]:
    """Inverse of a symmetric 3 x 3 matrix by its adjugate."""
    (a, b, c), (_, d, e), (_, _, f) = m
    A, B, C = d * f - e * e, c * e - b * f, b * e - c * d  # noqa: N806 - cofactors
    determinant = a * A + b * B + c * C
    D, E, F = a * f - c * c, b * c - a * e, a * d - b * b  # noqa: N806 - cofactors
    return [[x / determinant for x in row] for row in ((A, B, C), (B, D, E), (C, E, F))]
