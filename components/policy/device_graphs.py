"""The graphs of a device classifier: one for each objective, with what goes in and comes out."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from components.policy.errors import BundleError
from components.policy.feature_spec import FeatureSpec
from components.policy.graphs import ALLOWED_OPERATORS, Graph, guarded, open_checked
from components.policy.one_row import OneRow

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from components.policy.graphs import Feeds

    Floats = NDArray[np.float64]

COST_UNITS = {"latency": "ln(ms)", "energy": "ln(J)", "throughput": "ln(s/input)"}
TREES = "ai.onnx.ml.TreeEnsembleRegressor"
PACKED = "forecast"

DEVICE_OPERATORS = ALLOWED_OPERATORS | {
    "Equal",
    "Less",
    "Log",
    "Min",
    "ReduceMean",
    "ReduceMin",
    "Where",
    TREES,
}
"""None of them makes a tensor of a size that is written in the file, loops or branches on data."""


def device_graph(objective: str) -> Graph:
    """The graph of one objective.

    Inputs, both double: features [B, F], shift [B, D], which is added to the predicted log costs
    (what online tuning learned; 0 without). Outputs, in the file as columns of one matrix, which
    takes a tenth less time than five:

    | output | shape | meaning |
    |---|---|---|
    | log_cost | [B, D] | mean of the log cost, shift included |
    | sigma | [B, D] | its standard deviation |
    | p | [B, D] | probability that the device is the best; calibrated; sums to 1 |
    | loss | [B, D] | expected loss of choosing it; the least is chosen |
    | strangeness | [B] | above 1: features unlike all that was learned from |
    """
    return Graph(
        f"{objective}.onnx",
        {"features": 2, "shift": 2},
        (
            FeatureSpec("log_cost", COST_UNITS[objective], -100.0, 100.0),
            FeatureSpec("sigma", COST_UNITS[objective], 0.0, 100.0),
            FeatureSpec("p", "1", 0.0, 1.0),
            FeatureSpec("loss", "1", 0.0, 3.0),
            FeatureSpec("strangeness", "1", 0.0, 1e9),
        ),
    )


def packed(graph: Graph) -> Graph:
    """The same as it stands in the file: its outputs are columns of one."""
    return Graph(graph.file, graph.inputs, (FeatureSpec(PACKED, "1", -1e9, 1e9),))


class OpenDeviceGraph:
    """The graph of one objective, open: asked for all it says at once, or by name."""

    def __init__(self, graph: Graph, ask: Callable[[Feeds], Floats], n_devices: int) -> None:
        self.graph = graph
        self.n_devices = n_devices
        self._ask = ask
        self._names = graph.output_names
        ends = [i * n_devices for i in range(len(self._names))]
        self.n_columns = ends[-1] + 1
        self._cuts = [np.s_[:, start:end] for start, end in pairwise(ends)] + [np.s_[:, -1]]

    def columns(self, feeds: Feeds) -> Floats:
        """All outputs side by side, [B, 4 D + 1].

        Raises:
            BundleError: what it gives are not as many.
            PolicyError: it failed.
        """
        found = self._ask(feeds)
        if found.ndim != 2 or found.shape[1] != self.n_columns:
            raise BundleError(
                f"asked for the graph {self.graph.file}",
                f"it gives {found.shape} for {self.n_devices} devices",
                "take the bundle again from where it was built",
            )
        return found

    def parts(self, columns: Floats) -> list[Floats]:
        """Its outputs in order: see `device_graph`."""
        return [columns[cut] for cut in self._cuts]

    def __call__(self, feeds: Feeds) -> dict[str, Floats]:
        """Its outputs by name."""
        return dict(zip(self._names, self.parts(self.columns(feeds)), strict=True))


def open_device_graph(
    objective: str, data: bytes, n_features: int, n_devices: int
) -> OpenDeviceGraph:
    """Open the graph of one objective for asking.

    Raises:
        BundleError: it does not load, or its inputs or outputs are others than agreed.
    """
    graph = device_graph(objective)
    session = open_checked(packed(graph), data)
    n_columns = (len(graph.outputs) - 1) * n_devices + 1
    ask = OneRow(session, {"features": n_features, "shift": n_devices}, PACKED, n_columns)
    return OpenDeviceGraph(graph, guarded(graph, ask), n_devices)
