"""Evaluation family B, never trained on: scalability with NUMA and SMT steps, and bumps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from components.madeup.footprint import Footprints, LayoutTable

FAMILY = "stepped"


@dataclass(frozen=True, slots=True)
class SteppedResponse:
    """Amdahl with a retrograde term; sudden costs when a socket or siblings come in; ripples."""

    work_ms: float
    serial_share: float
    retrograde: float
    socket_step: float
    """Relative cost of every socket beyond the first."""
    sibling_step: float
    """Relative cost of using any sibling at all."""
    sibling_worth: float
    bumps: tuple[tuple[float, float, float], ...]
    """(centre in logical CPUs, width, relative height)."""
    ripple: float
    """Relative cost of an odd number of CPUs."""
    use_at_work_ms: float
    """Utilisation that a latency of `work_ms` would mean."""
    floor_w: float
    uncore_w: float
    group_w: float
    core_w: float
    sibling_w: float
    boost_w: float
    """Extra power of a core while few are awake."""
    boost_cores: float
    waiting_share: float
    load: float = 1.0

    def latency_ms(self, footprints: Footprints) -> NDArray[np.float64]:
        """Shape (R,): bare time, then waiting that starts to matter at half use."""
        bare = self._bare_ms(footprints)
        use = self._use(bare)
        waiting = np.where(use < 0.9, use**3 / (1.0 - np.minimum(use, 0.9)), 7.29 * use / 0.9)
        return bare * (1.0 + waiting)

    def power_w(self, footprints: Footprints) -> NDArray[np.float64]:
        """Shape (R,): power with a boost that fades as cores wake up."""
        boost = self.boost_w * np.exp(-footprints.n_physical / self.boost_cores)
        per_core = (self.core_w + boost) * footprints.n_physical
        share = self.waiting_share + (1.0 - self.waiting_share) * self.utilization(footprints)
        dynamic = (per_core + self.sibling_w * footprints.n_siblings) * share
        still = self.uncore_w * footprints.n_sockets + self.group_w * footprints.n_l3
        return self.floor_w + still + dynamic

    def utilization(self, footprints: Footprints) -> NDArray[np.float64]:
        """Shape (R,): use, at most all of the time."""
        return np.minimum(self._use(self._bare_ms(footprints)), 1.0)

    def at_load(self, factor: float) -> SteppedResponse:
        """Answer the same at `factor` times the offered rate of now."""
        return replace(self, load=self.load * factor)

    def _use(self, bare_ms: NDArray[np.float64]) -> NDArray[np.float64]:
        return bare_ms / self.work_ms * self.use_at_work_ms * self.load

    def _bare_ms(self, footprints: Footprints) -> NDArray[np.float64]:
        workers = footprints.n_physical + self.sibling_worth * footprints.n_siblings
        parallel = (1.0 - self.serial_share) / workers
        bare = self.work_ms * (self.serial_share + parallel + self.retrograde * (workers - 1.0))
        steps = self.socket_step * (footprints.n_sockets - 1.0)
        steps = steps + self.sibling_step * (footprints.n_siblings > 0)
        steps = steps + self.ripple * (footprints.n_cpus % 2.0)
        for centre, width, height in self.bumps:
            steps = steps + height * np.exp(-(((footprints.n_cpus - centre) / width) ** 2))
        return bare * (1.0 + steps)


def draw_stepped(rng: np.random.Generator, table: LayoutTable) -> SteppedResponse:
    """Draw a response that fits a node: up to three bumps, each up to 15 % high."""
    logical = table.topology.n_logical
    bumps = tuple(
        (float(rng.uniform(1, logical)), float(rng.uniform(0.6, 0.5 + logical / 12)), float(height))
        for height in rng.uniform(-0.06, 0.15, int(rng.integers(0, 4)))
    )
    response = SteppedResponse(
        work_ms=float(np.exp(rng.normal(np.log(45.0), 1.1))),
        serial_share=float(rng.beta(1.2, 20.0)),
        retrograde=float(rng.exponential(0.15)) / max(table.topology.n_physical, 4) ** 2,
        socket_step=float(rng.uniform(0.0, 0.35)),
        sibling_step=float(rng.uniform(0.0, 0.15)),
        sibling_worth=float(rng.uniform(0.0, 0.5)),
        bumps=bumps,
        ripple=float(rng.choice([0.0, rng.uniform(0.0, 0.03)])),
        use_at_work_ms=0.0,
        floor_w=float(rng.uniform(4.0, 120.0)),
        uncore_w=float(rng.uniform(1.0, 25.0)),
        group_w=float(rng.uniform(0.0, 3.0)),
        core_w=float(rng.uniform(1.2, 7.0)),
        sibling_w=float(rng.uniform(0.1, 2.0)),
        boost_w=float(rng.uniform(0.0, 5.0)),
        boost_cores=float(rng.uniform(2.0, 20.0)),
        waiting_share=float(rng.uniform(0.25, 1.0)),
    )
    bare_ms = response.latency_ms(table.footprints)
    where_ms = np.exp(rng.uniform(np.log(bare_ms.min()), np.log(bare_ms.max()) + 1.0))
    return replace(response, use_at_work_ms=0.6 * response.work_ms / float(where_ms))
