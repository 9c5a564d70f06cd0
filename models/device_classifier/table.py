"""A device table: what networks cost on every device of one host."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Mapping

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
TextArray = NDArray[np.str_]

COLUMNS = {"latency": "latency_ms", "energy": "energy_j", "throughput": "throughput_per_s"}


@dataclass(frozen=True, slots=True, eq=False)
class DeviceTable:
    """Rows of (network, batch, state), in the order of the file.

    Attributes:
        name: of the file, without its ending.
        rows: [N] identifiers as written.
        groups: [N] functionally equal networks share one.
        folds: [N] 0 to 4, as given.
        feature_names: F names; `features` [N, F], NaN where a cell was empty.
        devices: D names; `kinds` is `cpu`, `igpu`, `dgpu`, … of each.
        measured: by objective, [N, D] as measured; NaN where a cell was empty.
        facts: what else the sidecar said.
    """

    name: str
    rows: TextArray
    groups: TextArray
    folds: IntArray
    feature_names: tuple[str, ...]
    features: FloatArray
    devices: tuple[str, ...]
    kinds: tuple[str, ...]
    measured: Mapping[str, FloatArray]
    facts: Mapping[str, object]

    @property
    def objectives(self) -> tuple[str, ...]:
        """Which of latency, energy and throughput there are, in the sidecar's order."""
        return tuple(self.measured)

    @property
    def units(self) -> IntArray:
        """[N] what folds keep together: groups, or single rows where they deal groups out."""
        _, groups = np.unique(self.groups, return_inverse=True)
        n_pairs = len(np.unique(np.column_stack([groups, self.folds]), axis=0))
        is_grouped = n_pairs == len(np.unique(groups))
        return np.asarray(groups if is_grouped else np.arange(len(groups)), dtype=np.int64)

    def rows_of(self, rows: IntArray) -> DeviceTable:
        """The table with some of its rows only."""
        return replace(
            self,
            rows=self.rows[rows],
            groups=self.groups[rows],
            folds=self.folds[rows],
            features=self.features[rows],
            measured={name: values[rows] for name, values in self.measured.items()},
        )

    def costs(self, objective: str) -> FloatArray:
        """What is to be as small as possible, [N, D]: for throughput, seconds an input."""
        measured = self.measured[objective]
        return 1.0 / measured if objective == "throughput" else measured
