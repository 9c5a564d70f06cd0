"""Evaluation family D, never trained on: random knots, no law behind them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from components.madeup.footprint import Footprints, LayoutTable

FAMILY = "knots"
_NON_MONOTONE_SHARE = 1.0 / 3.0


@dataclass(frozen=True, slots=True)
class KnotsResponse:
    """Log latency and log power drawn through random points over the log of weighted CPUs."""

    weight_at: tuple[float, ...]
    """Log of weighted CPUs of each knot, ascending."""
    log_latency: tuple[float, ...]
    log_dynamic_w: tuple[float, ...]
    sibling_weight: float
    far_weight: float
    static_w: float
    socket_w: float
    group_log: float
    """Log-latency gained (below 0) or lost per doubling of L3 groups in use."""
    busy: float
    """Use of the CPUs at a load of 1."""
    load: float = 1.0

    def latency_ms(self, footprints: Footprints) -> NDArray[np.float64]:
        """Shape (R,): the curve through the knots, moved by L3 spread and load."""
        curve = np.interp(self._at(footprints), self.weight_at, self.log_latency)
        grouped = self.group_log * np.log2(footprints.n_l3)
        return np.asarray(np.exp(curve + grouped) * self._stretch())

    def power_w(self, footprints: Footprints) -> NDArray[np.float64]:
        """Shape (R,): a second curve through the same knots, above what never sleeps."""
        dynamic = np.exp(np.interp(self._at(footprints), self.weight_at, self.log_dynamic_w))
        awake = self.socket_w * footprints.n_sockets
        work = min(self.load, 1.0 / self.busy) ** 0.5
        return np.asarray(self.static_w + awake + dynamic * work)

    def utilization(self, footprints: Footprints) -> NDArray[np.float64]:
        """Shape (R,): the same for all CPU sets; knots know no queue."""
        return np.full_like(footprints.n_cpus, min(self.busy * self.load, 1.0))

    def at_load(self, factor: float) -> KnotsResponse:
        """Answer the same at `factor` times the offered rate of now."""
        return replace(self, load=self.load * factor)

    def _at(self, footprints: Footprints) -> NDArray[np.float64]:
        near = footprints.n_physical - footprints.remote_cores
        far = self.far_weight * footprints.remote_cores
        return np.log(near + far + self.sibling_weight * footprints.n_siblings)

    def _stretch(self) -> float:
        use = min(self.busy * self.load, 0.96)
        return (1.0 - self.busy) / (1.0 - use)


def draw_knots(rng: np.random.Generator, table: LayoutTable) -> KnotsResponse:
    """Draw a response that fits a node; on a third of nodes more CPUs can be slower."""
    most = np.log(table.topology.n_logical) + 1e-9
    inner = np.sort(rng.uniform(0.0, most, int(rng.integers(2, 8))))
    at = np.concatenate(([0.0], inner, [most]))
    slopes = rng.uniform(0.05, 1.15, at.size - 1) * rng.uniform(0.5, 1.0)
    if rng.random() < _NON_MONOTONE_SHARE:
        slopes[rng.integers(slopes.size // 2, slopes.size)] *= -rng.uniform(0.1, 0.6)
    start = rng.normal(np.log(60.0), 0.9)
    latency = start - np.concatenate(([0.0], np.cumsum(slopes * np.diff(at))))
    growth = rng.uniform(0.3, 1.2, at.size - 1)
    dynamic = np.log(rng.uniform(2.0, 12.0)) + np.concatenate(
        ([0.0], np.cumsum(growth * np.diff(at)))
    )
    return KnotsResponse(
        weight_at=tuple(float(x) for x in at),
        log_latency=tuple(float(x) for x in latency),
        log_dynamic_w=tuple(float(x) for x in dynamic),
        sibling_weight=float(rng.uniform(0.02, 0.9)),
        far_weight=float(rng.uniform(0.2, 1.1)),
        static_w=float(rng.uniform(3.0, 90.0)) + 0.5 * table.topology.n_physical,
        socket_w=float(rng.uniform(0.0, 18.0)),
        group_log=float(rng.normal(0.0, 0.02)),
        busy=float(rng.uniform(0.05, 0.7)),
    )
