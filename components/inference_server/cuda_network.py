"""A network on an NVIDIA GPU, by ONNX Runtime's own CUDA provider."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from components.inference_server.errors import DeviceAbsentError, DeviceLostError
from components.inference_server.onnx_runtime import load_onnxruntime
from components.inference_server.prepared_network import Session

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from components.inference_server.prepared_network import NetworkFacts

PROVIDER = "CUDAExecutionProvider"
_FAILURES = ("Fail", "RuntimeException", "EPFail", "EngineError")


class CudaSession:
    """A network ready to run on one GPU."""

    def __init__(self, session: Session, index: int, failures: tuple[type[Exception], ...]) -> None:
        self._session = session
        self._index = index
        self._failures = failures
        self.n_threads = session.n_threads

    def run(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Classify; images are [batch, ...image shape], logits [batch, classes].

        Raises:
            DeviceLostError: the GPU does not run it.
        """
        try:
            return self._session.run(images)
        except self._failures as error:
            raise DeviceLostError(
                f"asked NVIDIA GPU {self._index} for an inference",
                str(error),
                "see nvidia-smi, and start the server anew when the GPU is well",
            ) from error


class CudaNetwork:
    """Makes sessions of one network on one GPU."""

    def __init__(self, model: Path, index: int, facts: NetworkFacts) -> None:
        """See whether there is such a GPU.

        Raises:
            DeviceAbsentError: ONNX Runtime has no CUDA provider, or it found no such GPU.
        """
        self.facts = facts
        self._model = model
        self._index = index
        self._ort = load_onnxruntime()
        offered = self._ort.get_available_providers()
        if PROVIDER not in offered:
            raise _absent(index, f"ONNX Runtime {self._ort.__version__} offers {offered}")
        self._first: Any = self._open()
        if PROVIDER not in self._first.get_providers():
            raise _absent(index, "the provider fell back to the CPU: no usable GPU")

    def session(self, n_threads: int) -> CudaSession:
        """Make a session; the GPU's own threads do the work."""
        opened, self._first = self._first or self._open(), None
        state = self._ort.capi.onnxruntime_pybind11_state
        failures = tuple(getattr(state, name) for name in _FAILURES)
        session = Session(opened, self.facts.input_name, n_threads)
        return CudaSession(session, self._index, failures)

    def _open(self) -> Any:
        options = self._ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        providers = [(PROVIDER, {"device_id": self._index}), "CPUExecutionProvider"]
        return self._ort.InferenceSession(str(self._model), options, providers=providers)


def _absent(index: int, found: str) -> DeviceAbsentError:
    return DeviceAbsentError(
        f"asked for NVIDIA GPU {index}",
        found,
        "install onnxruntime-gpu and the driver, or leave the device out of --devices",
    )
