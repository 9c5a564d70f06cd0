"""A network on a device that OpenVINO drives: an integrated GPU, or the CPU standing in for one."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

from components.inference_server.errors import DeviceAbsentError, DeviceLostError, ModelError

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

    import numpy as np
    from numpy.typing import NDArray

    from components.inference_server.prepared_network import NetworkFacts


class OpenVinoSession:
    """A compiled network; asked by one caller at a time."""

    def __init__(self, compiled: Any, plugin: str, n_threads: int) -> None:
        self._request = compiled.create_infer_request()
        self._plugin = plugin
        self.n_threads = n_threads

    def run(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Classify; images are [batch, ...image shape], logits [batch, classes].

        Raises:
            DeviceLostError: the device does not run it.
        """
        try:
            self._request.infer([images])
        except RuntimeError as error:
            raise DeviceLostError(
                f"asked OpenVINO's {self._plugin} for an inference",
                str(error),
                "see that the device is there, and start the server anew",
            ) from error
        logits: NDArray[np.float32] = self._request.get_output_tensor(0).data.copy()
        return logits


class OpenVinoNetwork:
    """Makes sessions of one network on one of OpenVINO's devices."""

    def __init__(self, model: Path, plugin: str, facts: NetworkFacts) -> None:
        """Open the device.

        Raises:
            DeviceAbsentError: OpenVINO, or its device, is not here.
            ModelError: it cannot run this network.
        """
        self.facts = facts
        self._plugin = plugin
        openvino = _load_openvino()
        self._core = openvino.Core()
        found = list(self._core.available_devices)
        if not any(name.partition(".")[0] == plugin for name in found):
            raise DeviceAbsentError(
                f"asked for OpenVINO's device {plugin}",
                f"it finds {', '.join(found) or 'none'}",
                "install the device's driver, or leave it out of --devices",
            )
        try:
            self._network = self._core.read_model(str(model))
        except RuntimeError as error:
            raise ModelError(
                f"asked to serve {model} on {plugin}", str(error), "mend it"
            ) from error

    def session(self, n_threads: int) -> OpenVinoSession:
        """Compile the network; threads count on the CPU only.

        Raises:
            ModelError: it cannot be compiled.
        """
        # another device must not mean another precision: that would be another variant
        options = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
        if self._plugin == "CPU":
            options |= {"INFERENCE_NUM_THREADS": str(n_threads), "ENABLE_CPU_PINNING": "NO"}
        try:
            compiled = self._core.compile_model(self._network, self._plugin, options)
        except RuntimeError as error:
            raise ModelError(
                f"asked to run a network on OpenVINO's {self._plugin}",
                str(error),
                "serve it on another device",
            ) from error
        return OpenVinoSession(compiled, self._plugin, n_threads)


def _load_openvino() -> ModuleType:
    # its tools report home where this package is found; they take a silent stub where it is not
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # blocks the import
    try:
        return importlib.import_module("openvino")
    except ImportError as error:
        raise DeviceAbsentError(
            "asked for a device of OpenVINO", f"it is not installed: {error}", "install openvino"
        ) from error
