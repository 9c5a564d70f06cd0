"""How far off a predictor is on one node, from where it was seen to be off: a Gaussian process.

Errors of two candidates are alike when both have nearly as many CPUs, more so in one layout, and
when they use the same L3 groups: a slow group is felt by whatever touches it, and by nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from components.node.placement import Layout, preference

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from components.jobs.candidate import Candidate
    from components.node.topology import Topology

COMMON = 0.3
"""sigma of what all errors of a node share, in natural logarithms; so are the others."""
OF_GROUP = 0.15
"""Of what using one L3 group adds."""
OF_COUNT = 0.08
"""Of what depends on the number of CPUs, over distances of `COUNT_LENGTH`."""
OF_LAYOUT = 0.05
"""Of what depends on it in one layout only, over `LAYOUT_LENGTH`."""
COUNT_LENGTH, LAYOUT_LENGTH = 0.7, 0.25
LEAST_SIGMA = 3e-3


class ErrorModel:
    """Errors of C candidates given those of K of them; what does not depend on them is kept."""

    def __init__(
        self,
        topology: Topology,
        candidates: Sequence[Candidate],
        at: NDArray[np.intp],
        sigma: NDArray[np.float64],
    ) -> None:
        """Prepare.

        Args:
            topology: of the node.
            candidates: all.
            at: shape (K,), positions of those of which an error is known.
            sigma: shape (K,), how well.
        """
        alike = _alike(topology, candidates)
        among = alike[np.ix_(at, at)] + np.diag(sigma**2 + LEAST_SIGMA**2)
        self._gain = np.linalg.solve(among, alike[at]).T
        left = np.diag(alike) - (self._gain * alike[:, at]).sum(axis=1)
        self._variance = np.maximum(left, LEAST_SIGMA**2)

    def predict(
        self, errors: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean and variance of the error of every candidate, each of shape (C,), from K errors."""
        return self._gain @ errors, self._variance


def _alike(topology: Topology, candidates: Sequence[Candidate]) -> NDArray[np.float64]:
    """Covariance of errors, shape (C, C)."""
    logs = np.log([candidate.n_cpus for candidate in candidates])
    far = (logs[:, np.newaxis] - logs) ** 2
    layouts = np.asarray([candidate.layout for candidate in candidates])
    same = layouts[:, np.newaxis] == layouts
    groups = _groups(topology, candidates)
    return np.asarray(
        COMMON**2
        + OF_GROUP**2 * (groups @ groups.T)
        + OF_COUNT**2 * np.exp(-0.5 * far / COUNT_LENGTH**2)
        + OF_LAYOUT**2 * same * np.exp(-0.5 * far / LAYOUT_LENGTH**2)
    )


def _groups(topology: Topology, candidates: Sequence[Candidate]) -> NDArray[np.float64]:
    """Shape (C, G): 1 where a candidate uses an L3 group of an empty node."""
    groups = sorted({cpu.l3 for cpu in topology.cpus})
    first: dict[Layout, NDArray[np.intp]] = {}
    for layout in Layout:
        order = [topology.by_id[cpu].l3 for cpu in preference(topology, layout)]
        first[layout] = np.asarray([order.index(group) for group in groups], dtype=np.intp)
    return np.asarray([first[c.layout] < c.n_cpus for c in candidates], dtype=np.float64)
