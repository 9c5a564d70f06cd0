"""How many multiply-accumulates an operator makes, and of which kind."""

from __future__ import annotations

from enum import StrEnum
from math import prod
from typing import TYPE_CHECKING

from onnx import helper

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx

    from models.device_classifier.network_features_graph import ShapedGraph, Tensor


class WorkKind(StrEnum):
    """Kinds of multiply-accumulates that processors are differently good at."""

    DENSE = "dense"
    CONVOLUTION = "conv"
    DEPTHWISE = "depthwise"
    ATTENTION = "attention"
    """Products of two activations, and recurrent layers: what is none of the others."""


VIEWS = frozenset(
    {
        "Constant", "ConstantOfShape", "Dropout", "Flatten", "Identity", "Reshape", "Shape",
        "Squeeze", "Unsqueeze",
    }
)  # fmt: skip
"""Operators that move no data when a network is made ready for inference."""
QUANTISING = frozenset({"DequantizeLinear", "DynamicQuantizeLinear", "QuantizeLinear"})
_SECOND_OPERAND = {"QLinearConv": 3, "QLinearMatMul": 3}
_CONVOLUTIONS = frozenset({"Conv", "ConvInteger", "QLinearConv"})
_PRODUCTS = frozenset({"MatMul", "MatMulInteger", "QLinearMatMul"})
_GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}


def constant_names(graph: ShapedGraph) -> frozenset[str]:
    """Tensors that do not depend on the input: weights, and what is made of them alone."""
    constant = {*graph.weights, ""}
    for node in graph.nodes:
        if all(name in constant for name in node.input):
            constant.update(node.output)
    return frozenset(constant)


def work(
    node: onnx.NodeProto, tensors: Mapping[str, Tensor], constant: frozenset[str]
) -> tuple[WorkKind, int] | None:
    """Kind and number of multiply-accumulates; None for an operator that makes none.

    Where the output's shape is not known, one position is counted: a lower bound.
    """
    if node.op_type in _GATES:
        return WorkKind.ATTENTION, _recurrent(node, tensors)
    first = tensors.get(node.input[0]) if node.input else None
    at = _SECOND_OPERAND.get(node.op_type, 1)
    second = tensors.get(node.input[at]) if len(node.input) > at else None
    out = tensors.get(node.output[0])
    if second is None:
        return None
    if node.op_type in _CONVOLUTIONS:
        return _convolution(node, second, out)
    if node.op_type == "ConvTranspose":
        n_inputs = first.n_values if first else second.shape[0]
        return WorkKind.CONVOLUTION, n_inputs * prod(second.shape[1:])
    if node.op_type == "Gemm":
        rows = out.shape[0] if out else 1
        return WorkKind.DENSE, rows * second.n_values
    if node.op_type in _PRODUCTS:
        is_dense = node.input[0] in constant or node.input[at] in constant
        kind = WorkKind.DENSE if is_dense else WorkKind.ATTENTION
        depth = first.shape[-1] if first and first.shape else second.shape[0]
        return kind, out.n_values * depth if out else second.n_values
    return None


def _convolution(node: onnx.NodeProto, kernel: Tensor, out: Tensor | None) -> tuple[WorkKind, int]:
    groups = int(attributes(node).get("group", 1))
    is_depthwise = groups > 1 and kernel.shape[1] == 1
    per_output = prod(kernel.shape[1:])
    n_outputs = out.n_values if out else kernel.shape[0]
    return (WorkKind.DEPTHWISE if is_depthwise else WorkKind.CONVOLUTION), n_outputs * per_output


def _recurrent(node: onnx.NodeProto, tensors: Mapping[str, Tensor]) -> int:
    """Input and hidden products of every gate, direction and step."""
    steps = tensors.get(node.input[0])
    n_rows = prod(steps.shape[:2]) if steps else 1
    gates = [tensors.get(name) for name in node.input[1:3]]
    return n_rows * sum(weights.n_values for weights in gates if weights)


def attributes(node: onnx.NodeProto) -> dict[str, int]:
    """Whole-number attributes of a node."""
    found = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    return {name: value for name, value in found.items() if isinstance(value, int)}
