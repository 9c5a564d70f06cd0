"""A network while it is drawn: layers appended one by one, weights drawn from one seed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import onnx
    from numpy.typing import NDArray

OPSET = 17
IR_VERSION = 9
RESIDUAL_SCALE = 0.3  # of the last convolution of a branch: keeps deep sums of branches finite


class NetworkDraft:
    """Appends layers after the last one and makes an ONNX model of them.

    Weights are He-distributed, biases zero; batch normalisation is taken as folded into them,
    as it is in any network made ready for inference. The batch is free.
    """

    def __init__(self, name: str, image_shape: tuple[int, ...], seed: int) -> None:
        self._name = name
        self._image_shape = image_shape
        self._random = np.random.default_rng(seed)
        self._nodes: list[onnx.NodeProto] = []
        self._weights: list[onnx.TensorProto] = []
        self.output = "images"
        """Name of the last layer's output, where the next layer is appended."""

    def convolution(
        self,
        in_channels: int,
        out_channels: int,
        *,
        kernel: int,
        stride: int = 1,
        groups: int = 1,
        scale: float = 1.0,
    ) -> None:
        """Append a convolution that keeps height and width up to its stride."""
        shape = (out_channels, in_channels // groups, kernel, kernel)
        weights = [self._he(shape, scale), self._zeros(out_channels)]
        self._append(
            "Conv",
            [self.output, *weights],
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            pads=[kernel // 2] * 4,
            group=groups,
        )

    def linear(self, n_in: int, n_out: int) -> None:
        """Append a fully connected layer."""
        weights = [self._he((n_out, n_in), 1.0), self._zeros(n_out)]
        self._append("Gemm", [self.output, *weights], transB=1)

    def relu(self) -> None:
        """Append a rectifier."""
        self._append("Relu", [self.output])

    def max_pool(self) -> None:
        """Append a 3 by 3 maximum with stride 2."""
        self._append(
            "MaxPool", [self.output], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]
        )

    def global_average(self) -> None:
        """Append the mean over height and width, as [batch, channels]."""
        self._append("GlobalAveragePool", [self.output])
        self.flatten()

    def flatten(self) -> None:
        """Append the change to [batch, values]."""
        self._append("Flatten", [self.output])

    def add(self, other: str) -> None:
        """Append the sum with another layer's output of the same shape."""
        self._append("Add", [self.output, other])

    def model(self, n_classes: int) -> onnx.ModelProto:
        """Make the model; its output `logits` is [batch, n_classes]."""
        from onnx import TensorProto, helper

        self._nodes.append(helper.make_node("Identity", [self.output], ["logits"]))
        images = helper.make_tensor_value_info(
            "images", TensorProto.FLOAT, ["batch", *self._image_shape]
        )
        logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", n_classes])
        graph = helper.make_graph(self._nodes, self._name, [images], [logits], self._weights)
        return helper.make_model(
            graph,
            producer_name="joulepilot",
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
        )

    def _append(self, operator: str, inputs: list[str], **attributes: Any) -> None:
        from onnx import helper

        self.output = f"{operator.lower()}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, inputs, [self.output], **attributes))

    def _he(self, shape: tuple[int, ...], scale: float) -> str:
        fan_in = int(np.prod(shape[1:]))
        values = self._random.standard_normal(shape, dtype=np.float32)
        return self._keep(values * np.float32(scale * np.sqrt(2.0 / fan_in)))

    def _zeros(self, n: int) -> str:
        return self._keep(np.zeros(n, dtype=np.float32))

    def _keep(self, values: NDArray[np.float32]) -> str:
        from onnx import numpy_helper

        name = f"weight_{len(self._weights)}"
        self._weights.append(numpy_helper.from_array(values, name))
        return name
