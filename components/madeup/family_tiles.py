"""Training family C: layers cut into tiles that are handed out in rounds, so latency has steps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from components.madeup.footprint import Footprints, LayoutTable

FAMILY = "tiles"


@dataclass(frozen=True, slots=True)
class TilesResponse:
    """Each layer takes ⌈tiles / CPUs⌉ rounds, its CPUs as fast as caches and clock let them be."""

    serial_ms: float
    layer_ms: tuple[float, ...]
    """Time of each layer on one core."""
    layer_tiles: tuple[int, ...]
    l3_alpha: float
    remote_loss: float
    sibling_gain: float
    clock_drop: float
    barrier_ms: float
    """Cost of joining all CPUs after a layer, per doubling of CPUs."""
    images_per_s: float
    n_cores: float
    base_w: float
    second_socket_w: float
    l3_w: float
    core_w: float
    sibling_share: float
    idle_share: float
    tenants_w: float
    load: float = 1.0

    def latency_ms(self, footprints: Footprints) -> NDArray[np.float64]:
        """Shape (R,): the layers one after another, behind whoever came first."""
        alone = self._alone_ms(footprints)
        busy = np.clip(alone * self.images_per_s * self.load / 1e3, 0.0, None)
        queued = np.minimum(busy, 0.85)
        return alone * (1.0 + queued**2 / (1.0 - queued)) * np.maximum(busy / 0.85, 1.0)

    def power_w(self, footprints: Footprints) -> NDArray[np.float64]:
        """Shape (R,): the node's base, its parts in use, and work done."""
        cores = footprints.n_physical + self.sibling_share * footprints.n_siblings
        work = self.idle_share + (1.0 - self.idle_share) * self.utilization(footprints)
        parts = self.second_socket_w * (footprints.n_sockets - 1.0) + self.l3_w * footprints.n_l3
        heat = self.core_w * cores * self._clock(footprints) ** 2.4 * work
        return self.base_w + self.tenants_w + parts + heat

    def utilization(self, footprints: Footprints) -> NDArray[np.float64]:
        """Shape (R,): share of time that an image is being worked on."""
        return np.clip(self._alone_ms(footprints) * self.images_per_s * self.load / 1e3, 0.0, 1.0)

    def at_load(self, factor: float) -> TilesResponse:
        """Answer the same at `factor` times the offered rate of now."""
        return replace(self, load=self.load * factor)

    def _clock(self, footprints: Footprints) -> NDArray[np.float64]:
        return 1.0 - self.clock_drop * footprints.n_physical / self.n_cores

    def _alone_ms(self, footprints: Footprints) -> NDArray[np.float64]:
        n_cpus = footprints.n_cpus
        grouped = footprints.cores_per_l3 / (
            1.0 + self.l3_alpha * np.maximum(footprints.cores_per_l3 - 1.0, 0.0)
        )
        near = 1.0 - self.remote_loss * footprints.remote_cores / footprints.n_physical
        siblings = 1.0 + self.sibling_gain * footprints.n_siblings / footprints.n_physical
        speed_per_cpu = grouped.sum(axis=1) * near * siblings * self._clock(footprints) / n_cpus
        total = np.full_like(n_cpus, self.serial_ms)
        for layer_ms, tiles in zip(self.layer_ms, self.layer_tiles, strict=True):
            rounds = np.ceil(tiles / n_cpus)
            total = total + layer_ms * rounds / tiles / speed_per_cpu
        return total + self.barrier_ms * np.log2(n_cpus) * len(self.layer_ms)


def draw_tiles(rng: np.random.Generator, table: LayoutTable) -> TilesResponse:
    """Draw a response that fits a node: 2 to 6 layers, tiles from a dozen to thousands."""
    cores = table.topology.n_physical
    n_layers = int(rng.integers(2, 7))
    one_core_ms = float(np.exp(rng.uniform(np.log(3.0), np.log(300.0))))
    shares = rng.dirichlet(np.full(n_layers, 1.2))
    tiles = np.exp(rng.uniform(np.log(8.0), np.log(4000.0), n_layers)).astype(int)
    response = TilesResponse(
        serial_ms=one_core_ms * float(rng.choice([0.0, rng.uniform(0.0, 0.04)])),
        layer_ms=tuple(float(share) * one_core_ms for share in shares),
        layer_tiles=tuple(int(t) for t in tiles),
        l3_alpha=float(rng.uniform(0.0, 0.08)),
        remote_loss=float(rng.uniform(0.05, 0.75)),
        sibling_gain=float(rng.uniform(0.0, 0.75)),
        clock_drop=float(rng.uniform(0.0, 0.3)),
        barrier_ms=one_core_ms * float(rng.uniform(0.0, 2e-4)),
        images_per_s=0.0,
        n_cores=float(cores),
        base_w=float(rng.uniform(5.0, 30.0)) + float(rng.uniform(0.4, 1.8)) * cores,
        second_socket_w=float(rng.uniform(2.0, 15.0)),
        l3_w=float(rng.uniform(0.5, 3.5)),
        core_w=float(rng.uniform(2.0, 8.0)),
        sibling_share=float(rng.uniform(0.1, 0.5)),
        idle_share=float(rng.uniform(0.3, 1.0)),
        tenants_w=float(rng.choice([0.0, rng.uniform(0.0, 1.5) * cores])),
    )
    some_ms = float(np.quantile(response.latency_ms(table.footprints), rng.uniform(0.1, 1.0)))
    return replace(response, images_per_s=1e3 * float(rng.uniform(0.1, 0.85)) / some_ms)
