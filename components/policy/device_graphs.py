"""The graphs of a device classifier: one for each objective, with what goes in and comes out."""

from __future__ import annotations

from components.policy.feature_spec import FeatureSpec
from components.policy.graphs import ALLOWED_OPERATORS, Graph

COST_UNITS = {"latency": "ln(ms)", "energy": "ln(J)", "throughput": "ln(s/input)"}
TREES = "ai.onnx.ml.TreeEnsembleRegressor"

DEVICE_OPERATORS = ALLOWED_OPERATORS | {
    "Equal",
    "Less",
    "Log",
    "Min",
    "ReduceMean",
    "ReduceMin",
    "Sign",
    TREES,
}
"""None of them makes a tensor of a size that is written in the file, loops or branches on data."""


def device_graph(objective: str) -> Graph:
    """The graph of one objective.

    Inputs, both double: features [B, F], shift [B, D], which is added to the predicted log costs
    (what online tuning learned; 0 without). Outputs, float:

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
