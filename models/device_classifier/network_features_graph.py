"""An ONNX graph with the shape of every tensor, found without running it."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import onnx
from google.protobuf.message import DecodeError
from onnx import TensorProto, helper, inliner, shape_inference

from models.device_classifier.errors import NetworkError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

SMALL_VALUES = 256
"""Constants of at most so many values are kept: reshapes are inferred from them."""
INFERENCE_FAILURES = (shape_inference.InferenceError, ValueError, RuntimeError)


@dataclass(frozen=True, slots=True)
class Tensor:
    """What is known of a tensor: its shape for one input, and the bytes of one value."""

    shape: tuple[int, ...]
    value_bytes: float

    @property
    def n_values(self) -> int:
        """How many values it has."""
        return prod(self.shape)

    @property
    def n_bytes(self) -> float:
        """What it takes in memory."""
        return self.n_values * self.value_bytes


@dataclass(frozen=True, slots=True)
class ShapedGraph:
    """Nodes in the order of the file, and the tensors between them.

    Attributes:
        nodes: as in the file; those of unknown operators too.
        tensors: by name, as far as their shapes could be inferred.
        weights: initialisers, by name.
        inputs: names of what is given at every run.
        batch: inputs that the shapes are for; above 1 where the file fixes it.
        unknown_operators: names of operators without a definition; their outputs are taken to be
            shaped like their first inputs.
        assumptions: sentences on what was not known and taken for granted.
    """

    nodes: tuple[onnx.NodeProto, ...]
    tensors: Mapping[str, Tensor]
    weights: Mapping[str, Tensor]
    inputs: tuple[str, ...]
    batch: int
    unknown_operators: tuple[str, ...]
    assumptions: tuple[str, ...]


def read_network(path: Path) -> onnx.ModelProto:
    """Read a model; weights that lie in other files are left there.

    Raises:
        NetworkError: it is missing or no ONNX model.
    """
    try:
        model = onnx.load(path, load_external_data=False)
    except (OSError, DecodeError) as error:
        raise unreadable(str(path), str(error).partition("\n")[0]) from error
    if not model.graph.node:
        raise unreadable(str(path), "it has no operators")
    return model


def unreadable(asked: str, found: str) -> NetworkError:
    """The error for a file that is no network."""
    return NetworkError(f"asked for the network {asked}", found, "give an ONNX model")


def shaped(model: onnx.ModelProto) -> ShapedGraph:
    """Infer the shapes of all tensors for one input.

    Raises:
        NetworkError: the graph contradicts itself.
    """
    assumptions: list[str] = []
    if model.functions:
        model = inliner.inline_local_functions(model)
    weights = {tensor.name: _of_initializer(tensor) for tensor in model.graph.initializer}
    given = [value for value in model.graph.input if value.name not in weights]
    inputs = [_for_one_input(value, assumptions) for value in given]
    unknown = _unknown_operators(model)
    try:
        inferred = shape_inference.infer_shapes(
            _skeleton(model, inputs, set(unknown)), data_prop=True
        ).graph
    except INFERENCE_FAILURES as error:
        first_line = str(error).strip().partition("\n")[0]
        raise unreadable(model.graph.name, f"its shapes contradict: {first_line}") from error
    found = (*inputs, *inferred.value_info, *inferred.output)
    tensors = {value.name: tensor for value in found if (tensor := _of_value(value)) is not None}
    return ShapedGraph(
        nodes=tuple(model.graph.node),
        tensors={**tensors, **weights},
        weights=weights,
        inputs=tuple(value.name for value in inputs),
        batch=_batch(given),
        unknown_operators=tuple(dict.fromkeys(name for _, name in unknown)),
        assumptions=tuple(assumptions),
    )


def _skeleton(
    model: onnx.ModelProto,
    inputs: Iterable[onnx.ValueInfoProto],
    unknown: set[tuple[str, str]],
) -> onnx.ModelProto:
    """The graph without large weights, so that inferring costs little however large they are."""
    large = [t for t in model.graph.initializer if prod(t.dims) > SMALL_VALUES]
    stand_ins = [helper.make_tensor_value_info(t.name, t.data_type, t.dims) for t in large]
    nodes = [
        helper.make_node("Identity", node.input[:1], node.output[:1])
        if (node.domain, node.op_type) in unknown
        else node
        for node in model.graph.node
    ]
    outputs = [onnx.ValueInfoProto(name=value.name) for value in model.graph.output]
    graph = helper.make_graph(
        [node for node in nodes if node.input or node.op_type != "Identity"],
        model.graph.name,
        [*inputs, *stand_ins],
        outputs,
        [t for t in model.graph.initializer if prod(t.dims) <= SMALL_VALUES],
    )
    return helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)


def _unknown_operators(model: onnx.ModelProto) -> list[tuple[str, str]]:
    kinds = dict.fromkeys((node.domain, node.op_type) for node in model.graph.node)
    return [(domain, name) for domain, name in kinds if not onnx.defs.has(name, domain)]


def _for_one_input(value: onnx.ValueInfoProto, assumptions: list[str]) -> onnx.ValueInfoProto:
    """The first dimension is the batch and becomes 1 where it is free."""
    made = onnx.ValueInfoProto()
    made.CopyFrom(value)
    for axis, size in enumerate(made.type.tensor_type.shape.dim):
        if size.HasField("dim_value"):
            continue
        if axis > 0:
            assumptions.append(f"the free side {axis} of {value.name} is taken as 1")
        size.dim_value = 1
    return made


def _batch(inputs: list[onnx.ValueInfoProto]) -> int:
    if not inputs or not inputs[0].type.tensor_type.shape.dim:
        return 1
    return max(int(inputs[0].type.tensor_type.shape.dim[0].dim_value), 1)


def _of_initializer(tensor: onnx.TensorProto) -> Tensor:
    return Tensor(tuple(tensor.dims), value_bytes(tensor.data_type))


def _of_value(value: onnx.ValueInfoProto) -> Tensor | None:
    kind = value.type.tensor_type
    sizes = kind.shape.dim
    if not kind.HasField("shape") or not all(size.HasField("dim_value") for size in sizes):
        return None
    return Tensor(tuple(int(size.dim_value) for size in sizes), value_bytes(kind.elem_type))


def value_bytes(data_type: int) -> float:
    """Bytes of one value of an element type of ONNX; 4-bit types take half a byte."""
    if data_type in {TensorProto.INT4, TensorProto.UINT4}:
        return 0.5
    return float(helper.tensor_dtype_to_np_dtype(data_type).itemsize) if data_type else 4.0
