"""Training family A: universal scalability law over effective cores, with queueing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from components.madeup.footprint import Footprints, LayoutTable

FAMILY = "usl"


@dataclass(frozen=True, slots=True)
class UslResponse:
    """Speed X(E) = E / (1 + c (E - 1) + k E (E - 1)) of E effective cores.

    E counts a sibling as part of a core and a core off the home socket as less than one; cores
    that share an L3 group slow each other down. Waiting grows with use as in an M/M/1 queue.
    """

    one_core_ms: float
    contention: float
    coherence: float
    sibling_gain: float
    remote_loss: float
    l3_pressure: float
    tenant_loss: float
    rate_per_ms: float
    """Images offered per millisecond."""
    n_cores: float
    """Cores of the node."""
    idle_w: float
    socket_w: float
    l3_w: float
    core_w: float
    sibling_share: float
    turbo_drop: float
    spin_share: float
    """Part of a core's power that it draws while it waits for work."""
    load: float = 1.0

    def latency_ms(self, footprints: Footprints) -> NDArray[np.float64]:
        """Shape (R,): service time stretched by waiting."""
        service = self._service_ms(footprints)
        offered = service * self.rate_per_ms * self.load
        use = np.minimum(offered, 0.9)
        overload = np.maximum(offered / 0.9, 1.0)
        return np.asarray(service * (1.0 + 0.5 * use / (1.0 - use)) * overload)

    def power_w(self, footprints: Footprints) -> NDArray[np.float64]:
        """Shape (R,): idle, awake parts, and cores as busy as they are."""
        active = self.spin_share + (1.0 - self.spin_share) * self.utilization(footprints)
        cores = footprints.n_physical + self.sibling_share * footprints.n_siblings
        awake = self.socket_w * footprints.n_sockets + self.l3_w * footprints.n_l3
        return self.idle_w + awake + self.core_w * cores * self._clock(footprints) ** 2 * active

    def utilization(self, footprints: Footprints) -> NDArray[np.float64]:
        """Shape (R,): offered work over capacity."""
        return np.minimum(self._service_ms(footprints) * self.rate_per_ms * self.load, 1.0)

    def at_load(self, factor: float) -> UslResponse:
        """Answer the same at `factor` times the offered rate of now."""
        return replace(self, load=self.load * factor)

    def _clock(self, footprints: Footprints) -> NDArray[np.float64]:
        awake = (footprints.n_physical - 1.0) / max(self.n_cores - 1.0, 1.0)
        return np.asarray(1.0 - self.turbo_drop * awake)

    def _service_ms(self, footprints: Footprints) -> NDArray[np.float64]:
        crowding = (footprints.cores_per_l3**2).sum(axis=1) / footprints.n_physical
        effective = (
            footprints.n_physical
            - self.remote_loss * footprints.remote_cores
            + self.sibling_gain * footprints.n_siblings
        ) / (1.0 + self.l3_pressure * (crowding - 1.0))
        effective = np.maximum(effective, 0.2)
        beyond = np.maximum(effective - 1.0, 0.0)
        slowdown = 1.0 + self.contention * beyond + self.coherence * effective * beyond
        clock = self._clock(footprints) * (1.0 - self.tenant_loss)
        return np.asarray(self.one_core_ms * slowdown / (effective * clock))


def draw_usl(rng: np.random.Generator, table: LayoutTable) -> UslResponse:
    """Draw a response that fits a node; some CPU sets are busy, few are overloaded."""
    cores = table.topology.n_physical
    response = UslResponse(
        one_core_ms=float(np.exp(rng.uniform(np.log(2.0), np.log(400.0)))),
        contention=float(rng.choice([rng.uniform(0.0, 0.02), rng.uniform(0.0, 0.15)])),
        coherence=float(rng.choice([0.0, rng.uniform(0.0, 3.0)])) / max(cores, 4) ** 2,
        sibling_gain=float(rng.uniform(-0.05, 0.7)),
        remote_loss=float(rng.uniform(0.0, 0.7)),
        l3_pressure=float(rng.uniform(0.0, 0.06)),
        tenant_loss=float(rng.choice([0.0, rng.uniform(0.0, 0.4)])),
        rate_per_ms=0.0,
        n_cores=float(cores),
        idle_w=float(rng.uniform(0.3, 2.5)) * cores + float(rng.uniform(2.0, 40.0)),
        socket_w=float(rng.uniform(0.0, 20.0)),
        l3_w=float(rng.uniform(0.0, 4.0)),
        core_w=float(rng.uniform(1.5, 9.0)),
        sibling_share=float(rng.uniform(0.05, 0.6)),
        turbo_drop=float(rng.uniform(0.0, 0.35)),
        spin_share=float(rng.uniform(0.2, 1.0)),
    )
    times_ms = response.latency_ms(table.footprints)
    return replace(response, rate_per_ms=float(rng.uniform(0.05, 0.9) / rng.choice(times_ms)))
