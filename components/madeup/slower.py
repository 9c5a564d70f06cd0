"""A job whose every request takes longer: a bigger model, or another version of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from components.madeup.surface import Response


@dataclass(frozen=True, slots=True)
class Slower:
    """Implements `Response`: another one whose every request takes longer, in work as in time."""

    response: Response
    factor: float

    def latency_ms(self, footprints: object) -> NDArray[np.float64]:
        """Shape (R,): that of the busier job, stretched."""
        busier = self.response.at_load(self.factor)
        return np.asarray(self.factor * busier.latency_ms(footprints))  # type: ignore[arg-type]

    def power_w(self, footprints: object) -> NDArray[np.float64]:
        """Shape (R,): that of the busier job."""
        return self.response.at_load(self.factor).power_w(footprints)  # type: ignore[arg-type]

    def utilization(self, footprints: object) -> NDArray[np.float64]:
        """Shape (R,): that of the busier job."""
        return self.response.at_load(self.factor).utilization(footprints)  # type: ignore[arg-type]

    def at_load(self, factor: float) -> Slower:
        """Answer the same at another load."""
        return Slower(self.response.at_load(factor), self.factor)
