"""Which networks are functionally equal: the same computation, whatever its names and weights."""

from __future__ import annotations

import hashlib
from math import prod
from typing import TYPE_CHECKING

from onnx import helper, numpy_helper

from models.device_classifier.network_features_graph import SMALL_VALUES
from models.device_classifier.network_features_operators import QUANTISING

if TYPE_CHECKING:
    from collections.abc import Iterable

    import onnx

DIGITS = 12
_TRANSPARENT = QUANTISING | {"Identity", "Dropout", "Cast"}
"""Operators that change no structure: without them a network costs and means much the same."""


def structure_digest(model: onnx.ModelProto) -> str:
    """Name a network's structure: operators, their settings, and the shapes of its weights.

    Two networks of one structure cost the same to run, so they must not be on both sides of a
    split. Names, the values of weights, the order in the file and precision do not count.
    """
    graph = model.graph
    known = {tensor.name: _of_weight(tensor) for tensor in graph.initializer}
    for value in graph.input:
        known.setdefault(value.name, _digest(("input", *_sides(value))))
    known[""] = _digest(("absent",))
    for node in graph.node:
        inputs = [known.get(name, "") for name in node.input]
        if node.op_type in _TRANSPARENT and inputs:
            made = inputs[0]
        else:
            made = _digest((node.domain, node.op_type, *_settings(node), *inputs))
        for index, name in enumerate(node.output):
            known[name] = made if index == 0 else _digest((made, str(index)))
    return _digest(sorted(known.get(value.name, "") for value in graph.output))[:DIGITS]


def _of_weight(tensor: onnx.TensorProto) -> str:
    shape = [str(size) for size in tensor.dims]
    if tensor.data_type == tensor.INT64 and prod(tensor.dims) <= SMALL_VALUES:
        return _digest(("shape", *shape, str(numpy_helper.to_array(tensor).tolist())))
    return _digest(("weight", *shape))


def _sides(value: onnx.ValueInfoProto) -> Iterable[str]:
    """Sides of an input without the first, which is the batch."""
    sizes = value.type.tensor_type.shape.dim
    return [str(size.dim_value) for size in list(sizes)[1:]]


def _settings(node: onnx.NodeProto) -> Iterable[str]:
    for attribute in sorted(node.attribute, key=lambda each: each.name):
        value = helper.get_attribute_value(attribute)
        if isinstance(value, (int, float, str, bytes)):
            yield f"{attribute.name}={value!r}"
        elif attribute.ints or attribute.floats or attribute.strings:
            yield f"{attribute.name}={list(value)!r}"
        elif attribute.HasField("t"):
            yield f"{attribute.name}={_of_weight(attribute.t)}"


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()
