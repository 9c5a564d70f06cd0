"""An ONNX graph, written node by node in double precision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from onnx import NodeProto

    from components.policy.graphs import Graph

OPSET, ML_OPSET, IR_VERSION = 17, 3, 8  # old enough for every runtime in the field
ML = "ai.onnx.ml"


class GraphWriter:
    """Collects nodes and weights; every method returns the name of what it made."""

    def __init__(self) -> None:
        self._nodes: list[NodeProto] = []
        self._weights: dict[bytes, str] = {}
        self._initializers: list[TensorProto] = []

    def constant(self, value: NDArray[np.generic] | float) -> str:
        """A weight: numbers as doubles, indices as 64-bit integers; equal ones are shared."""
        array = np.asarray(value)
        array = array.astype(np.int64 if array.dtype.kind == "i" else np.float64)
        key = repr((array.dtype.str, array.shape)).encode() + array.tobytes()
        if key not in self._weights:
            self._weights[key] = f"w{len(self._weights)}"
            self._initializers.append(numpy_helper.from_array(array, self._weights[key]))
        return self._weights[key]

    def op(self, operator: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """A node with one output."""
        output = f"v{len(self._nodes)}"
        self._nodes.append(
            helper.make_node(operator, inputs, [output], domain=domain, **attributes)
        )
        return output

    def with_number(self, operator: str, value: str, number: NDArray[np.generic] | float) -> str:
        """An operator on a value and a constant."""
        return self.op(operator, value, self.constant(number))

    def gemm(
        self, value: str, weights: NDArray[np.generic], added: NDArray[np.generic] | str
    ) -> str:
        """A matrix [B, K] times weights [K, W], plus what is added: [W], or a value [B, W]."""
        other = added if isinstance(added, str) else self.constant(added)
        return self.op("Gemm", value, self.constant(weights), other)

    def columns(self, value: str, indices: NDArray[np.generic] | tuple[int, ...]) -> str:
        """Some columns of a matrix [B, K]: [B, W], or [B, W, 1] where indices are [W, 1]."""
        return self.op("Gather", value, self.constant(np.array(indices, dtype=np.int64)), axis=1)

    def clipped(
        self, value: str, low: NDArray[np.generic] | float, high: NDArray[np.generic] | float
    ) -> str:
        """Held within low and high, numbers or one of each a column."""
        if np.ndim(low) == 0 and np.ndim(high) == 0:
            return self.op("Clip", value, self.constant(low), self.constant(high))
        return self.with_number("Min", self.with_number("Max", value, low), high)

    def sums(self, operator: str, value: str, *, keep: bool = True) -> str:
        """`ReduceMax`, `ReduceMin`, `ReduceMean` over columns [B, K] → [B, 1]."""
        return self.op(operator, value, axes=[1], keepdims=int(keep))

    def total(self, value: str) -> str:
        """The sum of the columns, [B, 1]."""
        return self.op("ReduceSum", value, self.constant(np.array([1])), keepdims=1)

    def serialised(
        self, graph: Graph, widths: Mapping[str, int], outputs: Mapping[str, str]
    ) -> bytes:
        """The model; inputs [B, width], outputs by their agreed names.

        Raises:
            onnx.checker.ValidationError: what was written is no valid model.
        """
        for name, made in outputs.items():
            self._nodes.append(helper.make_node("Identity", [made], [name]))
        inputs = [
            helper.make_tensor_value_info(name, TensorProto.DOUBLE, ["batch", width])
            for name, width in widths.items()
        ]
        named = [
            helper.make_tensor_value_info(name, TensorProto.DOUBLE, None)
            for name in graph.output_names
        ]
        model = helper.make_model(
            helper.make_graph(self._nodes, "devices", inputs, named, self._initializers),
            opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(ML, ML_OPSET)],
            ir_version=IR_VERSION,
        )
        return bytes(model.SerializeToString())
