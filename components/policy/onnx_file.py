"""What a serialised ONNX graph holds, read from its wire format without the onnx package.

Only what the check of a bundle needs: operators, and weights with their values. Anything that
could reach outside the file (external data, functions, nested graphs, foreign domains) is refused.
Operators of `ai.onnx.ml` carry their domain in their names: who reads them allows them or not.
Field numbers are those of onnx.proto3, stable since ONNX 1.0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from components.policy.errors import BundleError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MODEL_GRAPH, _MODEL_FUNCTIONS = 7, 25
_GRAPH_NODE, _GRAPH_INITIALIZER, _GRAPH_SPARSE = 1, 5, 15
_NODE_OP_TYPE, _NODE_ATTRIBUTE, _NODE_DOMAIN = 4, 5, 7
_ATTRIBUTE_TENSOR, _ATTRIBUTE_FLOATS = 5, 7
_ATTRIBUTE_REFUSED = {6, 11, 22, 23}  # graphs and sparse tensors
_TENSOR_DIMS, _TENSOR_TYPE, _TENSOR_NAME, _TENSOR_RAW = 1, 2, 8, 9
_TENSOR_REFUSED = {3, 13, 14}  # segments, external data
_DOMAINS = {"ai.onnx.ml."}  # part of ONNX; its operators are named with it
_DTYPES = {1: "<f4", 6: "<i4", 7: "<i8", 9: "|b1", 11: "<f8"}


@dataclass(frozen=True, slots=True)
class OnnxFile:
    """Operators and weights of a graph."""

    operators: frozenset[str]
    weights: Mapping[str, NDArray[np.generic]]
    """Initialisers by name; numbers in attributes as `Constant:0`, `Constant:1`, …"""


def read_onnx(data: bytes) -> OnnxFile:
    """Walk a serialised model.

    Raises:
        BundleError: the bytes are no ONNX model, or it holds what a bundle may not.
    """
    operators: set[str] = set()
    weights: dict[str, NDArray[np.generic]] = {}
    n_graphs = 0
    for number, value in _fields(data):
        if number == _MODEL_FUNCTIONS:
            raise _refused("functions of its own")
        if number == _MODEL_GRAPH:
            n_graphs += 1
            _read_graph(_message(value), operators, weights)
    if n_graphs != 1 or not operators:
        raise _refused(f"{n_graphs} graphs with {len(operators)} kinds of operators")
    return OnnxFile(frozenset(operators), weights)


def _read_graph(data: bytes, operators: set[str], weights: dict[str, NDArray[np.generic]]) -> None:
    constants: list[NDArray[np.generic]] = []
    for number, value in _fields(data):
        if number == _GRAPH_SPARSE:
            raise _refused("sparse weights")
        if number == _GRAPH_INITIALIZER:
            name, array = _read_tensor(_message(value))
            weights[name] = array
        elif number == _GRAPH_NODE:
            operator, tensors = _read_node(_message(value))
            operators.add(operator)
            constants += tensors
    weights.update((f"Constant:{i}", array) for i, array in enumerate(constants))


def _read_node(data: bytes) -> tuple[str, list[NDArray[np.generic]]]:
    operator, domain, tensors, floats = "", "", [], []
    for number, value in _fields(data):
        if number == _NODE_OP_TYPE:
            operator = _text(value)
        elif number == _NODE_DOMAIN and _message(value):
            domain = f"{_text(value)}."
            if domain not in _DOMAINS:
                raise _refused(f"an operator of the domain {_text(value)!r}")
        elif number == _NODE_ATTRIBUTE:
            for inner, part in _fields(_message(value)):
                if inner in _ATTRIBUTE_REFUSED:
                    raise _refused("a graph within a graph")
                if inner == _ATTRIBUTE_TENSOR:
                    tensors.append(_read_tensor(_message(part))[1])
                elif inner == _ATTRIBUTE_FLOATS:
                    floats.append(_message(part))
    if floats:
        tensors.append(_read_floats(b"".join(floats)))
    return f"{domain}{operator}", tensors


def _read_floats(data: bytes) -> NDArray[np.generic]:
    if len(data) % 4:
        raise _refused(f"{len(data)} bytes of floats")
    return np.frombuffer(data, "<f4")


def _read_tensor(data: bytes) -> tuple[str, NDArray[np.generic]]:
    dims: list[int] = []
    kind, name, raw = 0, "", b""
    for number, value in _fields(data):
        if number in _TENSOR_REFUSED:
            raise _refused("weights outside its own file")
        if number == _TENSOR_DIMS:
            dims.extend(_packed(value) if isinstance(value, bytes) else [value])
        elif number == _TENSOR_TYPE and isinstance(value, int):
            kind = value
        elif number == _TENSOR_NAME:
            name = _text(value)
        elif number == _TENSOR_RAW:
            raw = _message(value)
    if kind not in _DTYPES:
        raise _refused(f"a weight of the element type {kind}")
    dtype = np.dtype(_DTYPES[kind])
    if int(np.prod(dims, dtype=object)) * dtype.itemsize != len(raw):
        raise _refused(f"the weight {name!r} of shape {dims} in {len(raw)} bytes")
    return name, np.frombuffer(raw, dtype).reshape(dims)


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, at = _varint(data, at)
            yield number, value
            continue
        if wire == _BYTES:
            size, at = _varint(data, at)
        elif wire in {_FIXED64, _FIXED32}:
            size = 8 if wire == _FIXED64 else 4
        else:
            raise _refused(f"a field of the wire type {wire}")
        if at + size > len(data):
            raise _refused("fields that run past its end")
        yield number, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            break
        value |= (data[at] & 0x7F) << shift
        at += 1
        if data[at - 1] < 0x80:
            return value, at
    raise _refused("a number that does not end")


def _packed(data: bytes) -> list[int]:
    values, at = [], 0
    while at < len(data):
        value, at = _varint(data, at)
        values.append(value)
    return values


def _message(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise _refused("a number where a message belongs")
    return value


def _text(value: int | bytes) -> str:
    return _message(value).decode("utf-8", errors="replace")


def _refused(found: str) -> BundleError:
    return BundleError(
        "asked for an ONNX graph of a policy",
        f"the file holds {found}",
        "take the bundle from where it was built; graphs are written by `make policy` or retrain",
    )
