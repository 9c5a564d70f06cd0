"""The graphs of a device classifier: one for each objective, with what goes in and comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.policy.errors import BundleError
from components.policy.feature_spec import FeatureSpec
from components.policy.graphs import ALLOWED_OPERATORS, Graph, open_graph

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from components.policy.graphs import Ask

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


def open_device_graph(objective: str, data: bytes, n_devices: int) -> Ask:
    """Open the graph of one objective for asking.

    Raises:
        BundleError: it does not load, or its inputs or outputs are others than agreed.
    """
    graph = device_graph(objective)
    ask_packed = open_graph(packed(graph), data)
    *wide, last = graph.output_names

    def ask(feeds: Mapping[str, NDArray[np.generic]]) -> dict[str, NDArray[np.float32]]:
        columns = ask_packed(feeds)[PACKED]
        if columns.ndim != 2 or columns.shape[1] != len(wide) * n_devices + 1:
            raise BundleError(
                f"asked for the graph {graph.file}",
                f"it gives {columns.shape} for {n_devices} devices",
                "take the bundle again from where it was built",
            )
        found = {
            name: columns[:, i * n_devices : (i + 1) * n_devices] for i, name in enumerate(wide)
        }
        return found | {last: columns[:, -1]}

    return ask
