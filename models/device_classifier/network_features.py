"""Features of a network from its ONNX graph alone; nothing is run.

features = network_features(read_network(path))
row = {**features.columns(), "batch": 64.0, "clock_share": 1.0}
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.device_classifier.network_features_graph import read_network, shaped
from models.device_classifier.network_features_operators import (
    QUANTISING,
    VIEWS,
    WorkKind,
    constant_names,
    work,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    import onnx

    from models.device_classifier.network_features_graph import ShapedGraph

__all__ = ["NETWORK_FEATURES", "NetworkFeatures", "network_features", "read_network"]

_log = logging.getLogger(__name__)
GIGA = 1e9
MEGA = 1e6
NETWORK_FEATURES = (
    "layers", "depth", "gmac_dense", "gmac_conv", "gmac_depthwise", "gmac_attention",
    "parameters_mb", "activations_mb", "input_mb", "launches", "smallest_layer_gmac",
    "weight_bits",
)  # fmt: skip
"""Names and order of the columns; the first ten are those of made-up networks too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkFeatures:
    """What a graph tells of a network; all figures are for one input.

    Attributes:
        layers: operators that multiply and accumulate.
        depth: of them, how many lie one after another on the longest way through the graph.
        gmac_dense: billions of multiply-accumulates in dense layers; `gmac_conv` in convolutions,
            `gmac_depthwise` in depthwise ones, `gmac_attention` in products of two activations
            and all others.
        parameters_mb: weights, 10^6 bytes in the precision of the file.
        activations_mb: what all operators write; `input_mb` what is given.
        launches: kernels started by one run when nothing is fused.
        smallest_layer_gmac: multiply-accumulates of the smallest layer, in billions.
        peak_mb: the largest sum of what one operator reads and writes.
        weight_bits: bits of a weight, the mean over all.
        warnings: what was not known, and what was assumed instead.
    """

    layers: int
    depth: int
    gmac_dense: float
    gmac_conv: float
    gmac_depthwise: float
    gmac_attention: float
    parameters_mb: float
    activations_mb: float
    input_mb: float
    launches: int
    smallest_layer_gmac: float
    peak_mb: float
    weight_bits: float
    warnings: tuple[str, ...] = ()

    @property
    def gmac(self) -> float:
        """All multiply-accumulates of one input, in billions."""
        return self.gmac_dense + self.gmac_conv + self.gmac_depthwise + self.gmac_attention

    def columns(self) -> dict[str, float]:
        """The figures by name, in the order of NETWORK_FEATURES."""
        return {name: float(getattr(self, name)) for name in NETWORK_FEATURES}


def network_features(model: onnx.ModelProto) -> NetworkFeatures:
    """Read the features of a network off its graph.

    Operators without a definition are counted as operators that keep the shape of their first
    input; they are named in `warnings` and in the log.

    Raises:
        NetworkError: the graph contradicts itself.
    """
    graph = shaped(model)
    constant = constant_names(graph)
    running = [node for node in graph.nodes if not _is_free(node, constant)]
    works = [(node, made) for node in running if (made := work(node, graph.tensors, constant))]
    by_kind = dict.fromkeys(WorkKind, 0)
    for _, (kind, n_macs) in works:
        by_kind[kind] += n_macs
    warnings = (*_warnings(graph, running), *graph.assumptions)
    for line in warnings:
        _log.warning("network %s: %s", model.graph.name, line)
    per_input = 1.0 / graph.batch
    parameters = [w for name, w in graph.weights.items() if not _is_shape(name, graph)]
    parameter_bytes = sum(weight.n_bytes for weight in parameters)
    n_parameters = sum(weight.n_values for weight in parameters)
    return NetworkFeatures(
        layers=len(works),
        depth=_depth(graph.nodes, {node.output[0] for node, _ in works}),
        gmac_dense=by_kind[WorkKind.DENSE] * per_input / GIGA,
        gmac_conv=by_kind[WorkKind.CONVOLUTION] * per_input / GIGA,
        gmac_depthwise=by_kind[WorkKind.DEPTHWISE] * per_input / GIGA,
        gmac_attention=by_kind[WorkKind.ATTENTION] * per_input / GIGA,
        parameters_mb=parameter_bytes / MEGA,
        activations_mb=sum(_bytes(node.output, graph) for node in running) * per_input / MEGA,
        input_mb=_bytes(graph.inputs, graph) * per_input / MEGA,
        launches=len(running),
        smallest_layer_gmac=min((n for _, (_, n) in works), default=0) * per_input / GIGA,
        peak_mb=max((_working_bytes(node, graph) for node in running), default=0.0)
        * per_input
        / MEGA,
        weight_bits=8.0 * parameter_bytes / n_parameters if n_parameters else 32.0,
        warnings=warnings,
    )


def _is_free(node: onnx.NodeProto, constant: frozenset[str]) -> bool:
    """Whether it costs nothing at run time: a view, or folded into the weights beforehand."""
    return node.op_type in VIEWS or all(name in constant for name in node.input)


def _is_shape(name: str, graph: ShapedGraph) -> bool:
    """Whether a constant says how to cut or scale, rather than being learned."""
    users = [node for node in graph.nodes if name in node.input]
    says_how = {*VIEWS, *QUANTISING, "Resize", "Slice", "Transpose", "ReduceMean", "Gather"}
    return bool(users) and all(node.op_type in says_how and name != node.input[0] for node in users)


def _depth(nodes: Iterable[onnx.NodeProto], layers: set[str]) -> int:
    """Layers, named by their outputs, on the longest way; nodes stand in topological order."""
    reached: dict[str, int] = {}
    deepest = 0
    for node in nodes:
        before = max((reached.get(name, 0) for name in node.input), default=0)
        here = before + (node.output[0] in layers)
        deepest = max(deepest, here)
        reached.update(dict.fromkeys(node.output, here))
    return deepest


def _bytes(names: Iterable[str], graph: ShapedGraph) -> float:
    return sum(graph.tensors[name].n_bytes for name in names if name in graph.tensors)


def _working_bytes(node: onnx.NodeProto, graph: ShapedGraph) -> float:
    read = [name for name in node.input if name not in graph.weights]
    return _bytes([*read, *node.output], graph)


def _warnings(graph: ShapedGraph, running: Iterable[onnx.NodeProto]) -> Iterable[str]:
    if graph.unknown_operators:
        yield (
            f"unknown operators {', '.join(graph.unknown_operators)}: "
            "taken to keep the shape of their first input and to multiply nothing"
        )
    unshaped = [n.name or n.op_type for n in running if n.output[0] not in graph.tensors]
    if unshaped:
        yield f"no shape could be inferred for {', '.join(unshaped[:5])} ({len(unshaped)} in all)"
