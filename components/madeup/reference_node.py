"""The reference node: a formula that fits what the paper reports. Simulated, not recorded.

Two sockets of four L3 groups of eight cores with two threads each; ResNet, served back to back.
With C CPUs, n cores and s siblings of them in use:

    h(k) = k / (1 + 0.0342 (k - 1))       speed of k cores of one L3 group
    H    = sum of h over the L3 groups of a socket
    clock = 1 - 0.172 (n - 1) / 63        falls as cores wake up
    K(C) = (H home + (1 - 0.563) sum of H of other sockets) clock (1 + 0.70 s / 64)
    L    = 115 sum_j w_j (ceil(Q_j / C) / Q_j) m_j / K(m_j) ms,  m_j = min(C, Q_j)
    P    = 76.245 + 6 sockets + 2 L3 groups + 5.7548 clock^2 (n + 0.22 s) W

Home is the socket with most cores in use. Each layer j has Q_j tiles of work, handed out in
rounds; a layer with fewer tiles than CPUs uses the first m_j of them. Siblings help in proportion
to s / 64 of the whole node, in every layout: they fill the stalls that many cores bring.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from components.jobs.candidate import Candidate
from components.madeup.footprint import grid_table
from components.madeup.surface import MadeUpSurface

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from components.madeup.footprint import Footprints, LayoutTable

PAPER_TARGETS_MS = (5.0, 7.0, 10.0, 15.0)
PAPER_BEST_N_CPUS = {5.0: 61, 7.0: 25, 10.0: 15, 15.0: 11}
"""Table 2 of the paper: handpicked optimum per target."""
PAPER_AGENT_N_CPUS = {5.0: 55, 7.0: 25, 10.0: 14, 15.0: 10}
"""Table 2 of the paper: what its agents chose."""
PAPER_MAX_CPUS = 100
"""The paper tried 1 to 100 logical CPUs."""

_LOAD_SLOPE = 0.5
_BUSY = 0.97


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceParameters:
    """The numbers of the formula; those given here fit the paper."""

    one_cpu_ms: float = 115.0
    tiles: tuple[float, ...] = (3136.0, 784.0, 196.0, 14.0)
    """Q: tiles of work of each layer."""
    weights: tuple[float, ...] = (0.5639, 0.2272, 0.0410, 0.1679)
    """w: share of each layer in the latency of one CPU."""
    cache_contention: float = 0.0342
    """What each further core of an L3 group slows it down by."""
    remote_loss: float = 0.563
    """Share of a core's speed that is lost outside the home socket."""
    clock_drop: float = 0.172
    """Share of the clock that is lost with all cores awake."""
    sibling_gain: float = 0.70
    base_w: float = 76.245
    socket_w: float = 6.0
    l3_w: float = 2.0
    core_w: float = 5.7548
    sibling_share: float = 0.22
    """Power of a sibling over that of a core."""


def jittered_parameters(seed: int, share: float = 0.03) -> ReferenceParameters:
    """Draw every parameter evenly within +- `share` of the paper's; tiles stay whole numbers."""
    rng = np.random.default_rng([seed, 0x9E])

    def near(value: float) -> float:
        return value * float(rng.uniform(1.0 - share, 1.0 + share))

    usual = ReferenceParameters()
    drawn: dict[str, Any] = {}
    for field in fields(ReferenceParameters):
        value = getattr(usual, field.name)
        drawn[field.name] = tuple(map(near, value)) if isinstance(value, tuple) else near(value)
    drawn["tiles"] = tuple(float(round(tiles)) for tiles in drawn["tiles"])
    return ReferenceParameters(**drawn)


@dataclass(frozen=True, slots=True)
class ReferenceResponse:
    """The formula; `load` is the offered rate over that of the paper's run."""

    load: float = 1.0
    parameters: ReferenceParameters = ReferenceParameters()

    def latency_ms(self, footprints: Footprints) -> NDArray[np.float64]:
        """Shape (R,): mean latency per image; linear in load around the paper's run."""
        total = np.zeros_like(footprints.n_cpus)
        most = footprints.n_cpus.max(initial=0.0)
        own = self.parameters
        for tiles, weight in zip(own.tiles, own.weights, strict=True):
            used = footprints.first(int(tiles)) if tiles < most else footprints
            rounds = np.ceil(tiles / footprints.n_cpus)
            total += weight * rounds / tiles * used.n_cpus / _speed(used, own)
        return own.one_cpu_ms * max(1.0 + _LOAD_SLOPE * (self.load - 1.0), 0.1) * total

    def power_w(self, footprints: Footprints) -> NDArray[np.float64]:
        """Shape (R,): power of both sockets; its part per core follows the load."""
        own = self.parameters
        awake = own.socket_w * footprints.n_sockets + own.l3_w * footprints.n_l3
        cores = footprints.n_physical + own.sibling_share * footprints.n_siblings
        busy = max(1.0 + _LOAD_SLOPE * (min(self.load, 1.0) - 1.0), 0.1)
        return own.base_w + awake + own.core_w * busy * _clock(footprints, own) ** 2 * cores

    def utilization(self, footprints: Footprints) -> NDArray[np.float64]:
        """Shape (R,): nearly all of the time, as images follow each other."""
        return np.full_like(footprints.n_cpus, _BUSY * min(self.load, 1.0))

    def at_load(self, factor: float) -> ReferenceResponse:
        """Answer the same at `factor` times the offered rate of now."""
        return replace(self, load=self.load * factor)


def reference_table() -> LayoutTable:
    """Two sockets, eight L3 groups, 64 cores, 128 logical CPUs."""
    return grid_table(sockets=2, l3_per_socket=4, cores_per_l3=8, threads_per_core=2)


def reference_surface(target_ms: float = 7.0, *, noise: float = 0.003) -> MadeUpSurface:
    """The paper's job on the reference node."""
    return MadeUpSurface(
        name="reference",
        family="reference",
        table=reference_table(),
        response=ReferenceResponse(),
        target_ms=target_ms,
        noise=noise,
    )


def latency_ms(n_cpus: ArrayLike, response: ReferenceResponse | None = None) -> NDArray[np.float64]:
    """Latency per image of n CPUs in the compact layout; the shape of `n_cpus` flattened."""
    return (response or ReferenceResponse()).latency_ms(reference_table().of(_compact(n_cpus)))


def power_w(n_cpus: ArrayLike, response: ReferenceResponse | None = None) -> NDArray[np.float64]:
    """Node power of n CPUs in the compact layout; the shape of `n_cpus` flattened."""
    return (response or ReferenceResponse()).power_w(reference_table().of(_compact(n_cpus)))


def best_n_cpus(
    target_ms: float,
    *,
    max_cpus: int = PAPER_MAX_CPUS,
    response: ReferenceResponse | None = None,
) -> int | None:
    """CPUs of least power that meet a target in the compact layout; None when nothing does."""
    counts = np.arange(1, max_cpus + 1)
    feasible = counts[latency_ms(counts, response) <= target_ms]
    if feasible.size == 0:
        return None
    return int(feasible[np.argmin(power_w(feasible, response))])


def best_candidate(target_ms: float, candidates: Sequence[Candidate]) -> Candidate | None:
    """The one of least power that meets a target, over any layouts; None when nothing does."""
    surface = reference_surface(target_ms)
    power = np.where(
        surface.latency_ms(candidates) <= target_ms, surface.power_w(candidates), np.inf
    )
    best = int(np.argmin(power))
    return candidates[best] if np.isfinite(power[best]) else None


def _compact(n_cpus: ArrayLike) -> Sequence[Candidate]:
    return [Candidate(int(n)) for n in np.ravel(np.asarray(n_cpus))]


def _clock(footprints: Footprints, own: ReferenceParameters) -> NDArray[np.float64]:
    return np.asarray(1.0 - own.clock_drop * (footprints.n_physical - 1.0) / 63.0)


def _speed(footprints: Footprints, own: ReferenceParameters) -> NDArray[np.float64]:
    cores = footprints.cores_per_l3
    speeds = cores / (1.0 + own.cache_contention * np.maximum(cores - 1.0, 0.0))
    home_socket = np.argmax(footprints.cores_per_socket, axis=1)
    away = footprints.l3_socket[np.newaxis, :] != home_socket[:, np.newaxis]
    summed = (speeds * np.where(away, 1.0 - own.remote_loss, 1.0)).sum(axis=1)
    siblings = own.sibling_gain * footprints.n_siblings / 64.0
    return np.asarray(summed * _clock(footprints, own) * (1.0 + siblings))
