"""A bundle's graphs, ready to be asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from components.policy.bundle import Bundle

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Brain:
    """Predicts candidates from probes, and scores what to probe next."""

    bundle: Bundle
    digest: str


def load_brain(folder: Path) -> Brain:
    """Check a bundle and open its graphs.

    Raises:
        BundleError: the bundle does not pass `check_bundle`.
    """
    raise NotImplementedError
