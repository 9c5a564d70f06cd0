"""The devices a server is told of: those it can use, and those that are not here, with the reason.

`cpu,dgpu` names devices as jobs do; `igpu=openvino:CPU` says outright what stands in for one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from components.inference_server.cuda_network import CudaNetwork
from components.inference_server.errors import DeviceAbsentError, DeviceNameError
from components.inference_server.openvino_network import OpenVinoNetwork

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from components.inference_server.prepared_network import NetworkFacts

CPU = "cpu"
BACKENDS = {CPU: "onnxruntime:CPU", "igpu": "openvino:GPU", "dgpu": "onnxruntime:CUDA"}
"""What drives a device of each kind, unless it is said."""
KNOWN = ("onnxruntime:CPU", "onnxruntime:CUDA", "openvino:CPU", "openvino:GPU", "openvino:NPU")


class DeviceSession(Protocol):
    """A network ready to run on one device."""

    n_threads: int

    def run(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Classify a batch.

        Raises:
            DeviceLostError: a device other than the CPU does not run it.
        """
        ...


class DeviceNetwork(Protocol):
    """Makes sessions of one network on one device."""

    facts: NetworkFacts

    def session(self, n_threads: int) -> DeviceSession:
        """Make one.

        Raises:
            ModelError: it cannot be made.
        """
        ...


@dataclass(frozen=True, slots=True)
class OpenedDevices:
    """What came of opening devices; the CPU, which the cpuset follower serves, is not among them.

    Attributes:
        held: by name of device.
        absent: why, by name of device.
        backends: what drives each, by name.
    """

    held: Mapping[str, DeviceNetwork]
    absent: Mapping[str, str]
    backends: Mapping[str, str]


def parse_devices(text: str) -> dict[str, str]:
    """Backend by name of device, `cpu` first; as `cpu,igpu=openvino:CPU` says.

    Raises:
        DeviceNameError: a device or a backend is not known, or the CPU is not among them.
    """
    backends: dict[str, str] = {}
    for part in text.split(","):
        name, _, backend = part.strip().partition("=")
        kind, _, index = name.partition(":")
        chosen = backend or BACKENDS.get(kind, "")
        if chosen not in KNOWN or kind not in BACKENDS or not (index or "0").isdigit():
            raise DeviceNameError(
                f"asked to serve on {part.strip()!r}",
                f"devices are {', '.join(BACKENDS)}, driven by {', '.join(KNOWN)}",
                "write like cpu,dgpu or cpu,igpu=openvino:CPU",
            )
        backends[name] = chosen
    if backends.get(CPU) != BACKENDS[CPU]:
        raise DeviceNameError(
            f"asked to serve on {text!r}",
            "cpu by ONNX Runtime is always among the devices: it is where a server begins",
            "write cpu first, like cpu,dgpu",
        )
    return backends


def open_devices(backends: Mapping[str, str], model: Path, facts: NetworkFacts) -> OpenedDevices:
    """Open every device but the CPU; one that is not here is told, never replaced in silence.

    Raises:
        ModelError: a device that is here cannot run this network.
    """
    held: dict[str, DeviceNetwork] = {}
    absent: dict[str, str] = {}
    for name, backend in backends.items():
        if name == CPU:
            continue
        try:
            held[name] = _open(name, backend, model, facts)
        except DeviceAbsentError as error:
            absent[name] = error.found
    return OpenedDevices(held, absent, dict(backends))


def _open(name: str, backend: str, model: Path, facts: NetworkFacts) -> DeviceNetwork:
    library, _, plugin = backend.partition(":")
    if library == "openvino":
        return OpenVinoNetwork(model, plugin, facts)
    if plugin == "CUDA":
        return CudaNetwork(model, int(name.partition(":")[2] or 0), facts)
    raise DeviceNameError(
        f"asked for {name} by {backend}", "ONNX Runtime's CPU is the device cpu", "name it cpu"
    )
