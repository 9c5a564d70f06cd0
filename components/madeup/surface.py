"""A made-up job on a made-up node: latency and power of whatever CPUs it gets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from components.jobs.candidate import Candidate
    from components.madeup.footprint import Footprints, LayoutTable
    from components.node.topology import Topology


class Response(Protocol):
    """How a job answers to CPUs. Frozen; vectorised over R footprints."""

    def latency_ms(self, footprints: Footprints) -> NDArray[np.float64]:
        """Shape (R,): mean latency per image, queueing included."""
        ...

    def power_w(self, footprints: Footprints) -> NDArray[np.float64]:
        """Shape (R,): mean power of the whole node while the job runs."""
        ...

    def utilization(self, footprints: Footprints) -> NDArray[np.float64]:
        """Shape (R,): how busy the job keeps its CPUs, in [0, 1]."""
        ...

    def at_load(self, factor: float) -> Response:
        """Answer the same at `factor` times the offered rate of now."""
        ...


@dataclass(frozen=True)
class MadeUpSurface:
    """A response on a node, with a target and the noise one probe would see."""

    name: str
    family: str
    table: LayoutTable
    response: Response
    target_ms: float
    noise: float
    """Sigma of the natural logarithm of one window's mean latency; power has half of it."""

    @property
    def topology(self) -> Topology:
        """The node."""
        return self.table.topology

    def latency_ms(self, candidates: Sequence[Candidate]) -> NDArray[np.float64]:
        """Shape (C,): true mean latency per image of each candidate."""
        return self.response.latency_ms(self.table.of(candidates))

    def power_w(self, candidates: Sequence[Candidate]) -> NDArray[np.float64]:
        """Shape (C,): true mean node power of each candidate."""
        return self.response.power_w(self.table.of(candidates))

    def at_load(self, factor: float) -> MadeUpSurface:
        """Change the offered rate by a factor; node, target and noise stay."""
        return replace(self, response=self.response.at_load(factor))

    def with_target(self, target_ms: float) -> MadeUpSurface:
        """Change the target; everything else stays."""
        return replace(self, target_ms=target_ms)
