"""The two graphs of a core allocator: what goes in, what comes out, and how they are asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from components.policy.errors import BundleError, PolicyError
from components.policy.feature_spec import FeatureSpec
from components.policy.onnx_runtime import load_onnxruntime, open_session

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    Feeds = Mapping[str, NDArray[np.generic]]
    Ask = Callable[[Feeds], dict[str, NDArray[np.float32]]]

T = TypeVar("T")

ALLOWED_OPERATORS = frozenset(
    {
        "Abs",
        "Add",
        "Cast",
        "Clip",
        "Concat",
        "Constant",
        "Div",
        "Exp",
        "Gather",
        "Gemm",
        "Identity",
        "Log",
        "MatMul",
        "Max",
        "Mul",
        "ReduceMax",
        "ReduceSum",
        "Relu",
        "Slice",
        "Softmax",
        "Sqrt",
        "Squeeze",
        "Sub",
        "Transpose",
        "Unsqueeze",
    }
)
"""Operators whose outputs are no larger than their inputs broadcast: nothing here loops, branches,
or makes a tensor of a size that is written in the file."""


@dataclass(frozen=True, slots=True)
class Graph:
    """File, inputs (name → number of dimensions) and outputs of one graph."""

    file: str
    inputs: Mapping[str, int]
    outputs: tuple[FeatureSpec, ...]

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the outputs, in order."""
        return tuple(spec.name for spec in self.outputs)


PREDICT = Graph(
    "predict.onnx",
    {"candidates": 3, "probes": 3, "probe_mask": 2},
    (
        FeatureSpec("latency_log", "ln(ms)", -14.0, 21.0),
        FeatureSpec("latency_sigma", "ln(ms)", 0.0, 2.0),
        FeatureSpec("power_log", "ln(W)", -14.0, 21.0),
        FeatureSpec("power_sigma", "ln(W)", 0.0, 2.0),
    ),
)
"""candidates [B, C, F], probes [B, P, F + 2] (features, ln ms, ln W), mask [B, P] → each [B, C]."""

PROBE = Graph(
    "probe.onnx",
    {"rows": 3, "row_mask": 2},
    (FeatureSpec("logits", "1", -1e9, 1e9),),
)
"""rows [B, R, K], mask [B, R] → logits [B, R]; the last row is "commit"."""


def open_graph(graph: Graph, data: bytes) -> Ask:
    """Open a graph for asking.

    Raises:
        BundleError: it does not load, or its inputs or outputs are others than agreed.
    """
    session, names = open_checked(graph, data), list(graph.output_names)

    def run(feeds: Feeds) -> dict[str, NDArray[np.float32]]:
        return dict(zip(names, session.run(names, dict(feeds)), strict=True))

    return guarded(graph, run)


def open_checked(graph: Graph, data: bytes) -> Any:
    """Open a graph as a session that takes and gives what was agreed.

    Raises:
        BundleError: it does not load, or its inputs or outputs are others than agreed.
    """
    failures: tuple[type[Exception], ...] = (*_failures(), UnicodeDecodeError)  # names: no text
    try:
        session = open_session(data)
    except failures as error:
        raise _bad(graph, f"it does not load: {error}") from error
    inputs = {node.name: len(node.shape) for node in session.get_inputs()}
    outputs = tuple(node.name for node in session.get_outputs())
    if inputs != dict(graph.inputs) or outputs != graph.output_names:
        raise _bad(graph, f"it takes {inputs} and gives {outputs}")
    return session


def guarded(graph: Graph, run: Callable[[Feeds], T]) -> Callable[[Feeds], T]:
    """The same, with failures of the runtime told as errors of the policy."""
    failures = _failures()

    def ask(feeds: Feeds) -> T:
        try:
            return run(feeds)
        except failures as error:
            raise PolicyError(
                f"asked {graph.file} with shapes { {n: v.shape for n, v in feeds.items()} }",
                f"it failed: {error}",
                "keep the allocation in force and check the bundle",
            ) from error

    return ask


def _failures() -> tuple[type[Exception], ...]:
    errors = load_onnxruntime().capi.onnxruntime_pybind11_state
    return (
        errors.Fail,
        errors.InvalidArgument,
        errors.InvalidGraph,
        errors.InvalidProtobuf,
        errors.NotImplemented,
        errors.RuntimeException,
    )


def _bad(graph: Graph, found: str) -> BundleError:
    return BundleError(
        f"asked for the graph {graph.file}", found, "take the bundle again from where it was built"
    )
