"""ONNX Runtime on the CPU with a chosen number of threads."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from components.devices.cpu import cpu_model, cpu_state, own_power
from components.devices.device import DeviceState, Kind, Precision, Run
from components.devices.errors import NetworkRefusedError
from components.policy.onnx_runtime import load_onnxruntime

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from components.devices.device import Inputs
    from components.telemetry.meters import PowerMeter

_LOG_ERRORS_ONLY = 3
_REFUSALS = (
    *("EPFail", "Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf"),
    *("NoSuchFile", "NotImplemented", "RuntimeException"),
)  # ONNX Runtime's errors have no class of their own in common


class OnnxRuntimeCpu:
    """Runs networks on `n_threads` threads that do not spin while they wait; a Device."""

    def __init__(self, n_threads: int, precision: Precision = Precision.FP32) -> None:
        self._ort = load_onnxruntime()
        self._n_threads = n_threads
        self._precision = precision
        self._power = own_power()
        self._last: tuple[Path, OnnxRuntimeNetwork] | None = None

    @property
    def name(self) -> str:
        """`ort-2t`, `ort-2t-int8`."""
        suffix = "" if self._precision is Precision.FP32 else f"-{self._precision}"
        return f"ort-{self._n_threads}t{suffix}"

    @property
    def kind(self) -> Kind:
        """A CPU."""
        return Kind.CPU

    @property
    def precision(self) -> Precision:
        """As asked for; the network's file has to be of it."""
        return self._precision

    @property
    def facts(self) -> Mapping[str, str]:
        """Processor, runtime, threads."""
        return {
            "processor": cpu_model(),
            "runtime": f"onnxruntime {self._ort.__version__}",
            "threads": str(self._n_threads),
        }

    @property
    def power(self) -> PowerMeter:
        """The node's, modelled from our CPU time."""
        return self._power

    @property
    def least_energy_s(self) -> float:
        """CPU time is counted in nanoseconds."""
        return 0.0

    def load(self, network: Path, batch: int) -> OnnxRuntimeNetwork:  # noqa: ARG002  # any batch
        """Make a network ready for any batch; the last one is kept.

        Raises:
            NetworkRefusedError: it is no network, or too large.
        """
        if self._last is None or self._last[0] != network:
            self._last = None  # its memory first
            self._last = (network, self._loaded(network))
        return self._last[1]

    def state(self) -> DeviceState:
        """Clock and load of the CPU."""
        return cpu_state()

    def _loaded(self, network: Path) -> OnnxRuntimeNetwork:
        options = self._ort.SessionOptions()
        options.intra_op_num_threads = self._n_threads
        options.inter_op_num_threads = 1
        options.log_severity_level = _LOG_ERRORS_ONLY
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        return OnnxRuntimeNetwork(open_network(self._ort, network, options, "CPU"), self._ort)


class OnnxRuntimeNetwork:
    """A session; a LoadedNetwork whose memory is the host's."""

    def __init__(self, session: Any, ort: Any) -> None:
        self._session = session
        self._refusals = refusals(ort)

    def run(self, inputs: Inputs) -> Run:
        """Run once.

        Raises:
            NetworkRefusedError: memory does not suffice, or the inputs do not fit.
        """
        start_s = time.perf_counter()
        try:
            outputs = self._session.run(None, inputs)
        except self._refusals as error:
            raise refused("these inputs", error) from error
        return Run(tuple(outputs), time.perf_counter() - start_s, None)


def open_network(ort: Any, network: Path, options: Any, provider: str) -> Any:
    """Open a session on one execution provider, `CPU` or `CUDA`.

    Raises:
        NetworkRefusedError: the provider does not take the network.
    """
    try:
        return ort.InferenceSession(
            str(network), options, providers=[f"{provider}ExecutionProvider"]
        )
    except refusals(ort) as error:
        raise refused(network.name, error) from error


def refusals(ort: Any) -> tuple[type[Exception], ...]:
    """The errors with which ONNX Runtime refuses."""
    state = ort.capi.onnxruntime_pybind11_state
    return tuple(getattr(state, name) for name in _REFUSALS)


def refused(what: str, error: Exception) -> NetworkRefusedError:
    """The error for a network or inputs that a runtime does not take."""
    first_line = str(error).strip().partition("\n")[0]
    return NetworkRefusedError(
        f"asked to run {what}", first_line, "take a smaller batch, or another device"
    )
