"""ONNX Runtime on an NVIDIA GPU, its transfers timed apart."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from components.devices.device import DeviceState, Kind, Precision, Run
from components.devices.errors import DeviceAbsentError
from components.devices.nvidia_gpu import NvidiaGpu
from components.devices.onnxruntime_device import open_network, refusals, refused
from components.policy.onnx_runtime import load_onnxruntime

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from components.devices.device import Inputs
    from components.telemetry.meters import PowerMeter

_PROVIDER = "CUDAExecutionProvider"
_LEAST_ENERGY_S = 1.0
"""The energy counter is renewed some ten times a second."""


class OnnxRuntimeCuda:
    """Runs networks on one NVIDIA GPU; a Device."""

    def __init__(
        self, index: int, precision: Precision = Precision.FP32, *, nvml: Any = None
    ) -> None:
        """Look for the GPU; `nvml` is the management library, or what speaks like it.

        Raises:
            DeviceAbsentError: there is no driver, no such GPU, or ONNX Runtime has no CUDA.
        """
        self._index = index
        self._precision = precision
        self._gpu = NvidiaGpu(index, nvml)
        self._ort = load_onnxruntime()
        providers = self._ort.get_available_providers()
        if _PROVIDER not in providers:
            self._gpu.close()
            raise DeviceAbsentError(
                f"asked for {self.name}",
                f"onnxruntime {self._ort.__version__} has {', '.join(providers)} only",
                "install onnxruntime-gpu in place of onnxruntime",
            )

    @property
    def name(self) -> str:
        """`dgpu:0`, `dgpu:0-int8`."""
        suffix = "" if self._precision is Precision.FP32 else f"-{self._precision}"
        return f"dgpu:{self._index}{suffix}"

    @property
    def kind(self) -> Kind:
        """A GPU with a memory of its own."""
        return Kind.DGPU

    @property
    def precision(self) -> Precision:
        """As asked for; the network's file has to be of it."""
        return self._precision

    @property
    def facts(self) -> Mapping[str, str]:
        """Processor and runtime."""
        return {
            "processor": self._gpu.product,
            "runtime": f"onnxruntime {self._ort.__version__} CUDA",
        }

    @property
    def power(self) -> PowerMeter:
        """The GPU's own energy counter; the host's share is not in."""
        return self._gpu

    @property
    def least_energy_s(self) -> float:
        """What the counter resolves."""
        return _LEAST_ENERGY_S

    def load(self, network: Path, batch: int) -> BoundNetwork:  # noqa: ARG002  # any batch
        """Make a network ready for any batch.

        Raises:
            NetworkRefusedError: the GPU does not take it.
        """
        options = self._ort.SessionOptions()
        options.log_severity_level = 3
        session = open_network(self._ort, network, options, "CUDA")
        return BoundNetwork(session, self._ort, "cuda", self._index)

    def state(self) -> DeviceState:
        """Clock over its maximum, and P-state.

        Raises:
            ReadingError: the driver did not answer.
            MeterError: the GPU is lost.
        """
        return self._gpu.state()


class BoundNetwork:
    """A session whose inputs and outputs are moved on purpose, and timed; a LoadedNetwork."""

    def __init__(self, session: Any, ort: Any, memory: str, index: int) -> None:
        """Take a session, and the memory (`cuda`, `cpu`) it computes in."""
        self._session = session
        self._ort = ort
        self._memory = memory
        self._index = index
        self._refusals: tuple[type[Exception], ...] = (*refusals(ort), RuntimeError)

    def run(self, inputs: Inputs) -> Run:
        """Move in, run, move out; `transfer_s` is both moves.

        Raises:
            NetworkRefusedError: memory does not suffice, or the inputs do not fit.
        """
        try:
            return self._timed(inputs)
        except self._refusals as error:
            raise refused("these inputs", error) from error

    def _timed(self, inputs: Inputs) -> Run:
        binding = self._session.io_binding()
        start_s = time.perf_counter()
        for name, values in inputs.items():
            moved = self._ort.OrtValue.ortvalue_from_numpy(values, self._memory, self._index)
            binding.bind_ortvalue_input(name, moved)
        for output in self._session.get_outputs():
            binding.bind_output(output.name, self._memory, self._index)
        moved_s = time.perf_counter()
        self._session.run_with_iobinding(binding)
        binding.synchronize_outputs()
        done_s = time.perf_counter()
        outputs = tuple(binding.copy_outputs_to_cpu())
        end_s = time.perf_counter()
        return Run(outputs, end_s - start_s, (moved_s - start_s) + (end_s - done_s))
