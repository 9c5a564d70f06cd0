"""A network optimised once for this processor, of which sessions of any width are made cheaply.

The optimised graph lies in a folder of its own with its weights in a second file, which ONNX
Runtime maps into memory: sessions share those pages and are made in 5 to 10 ms for MobileNet
(60 ms from the original file). Handing over ORT-format bytes instead, with
`session.use_ort_model_bytes_for_initializers`, gave wrong logits with 1.31.1; why was not found.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from components.inference_server.errors import ModelError
from components.inference_server.onnx_runtime import load_onnxruntime

if TYPE_CHECKING:
    from types import TracebackType

    from numpy.typing import NDArray

_PROVIDERS = ("CPUExecutionProvider",)
_REFUSALS = (
    *("Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf"),
    *("NoSuchFile", "NotImplemented", "RuntimeException"),
)  # ONNX Runtime's errors have no class of their own in common
_REMEDY = "serve a file made by `python -m components.inference_server.networks NAME OUT.onnx`"
_WEIGHTS_FILE = "optimised.weights"
_LOG_ERRORS_ONLY = 3  # it warns that an optimised file fits this processor only: so it shall


@dataclass(frozen=True, slots=True)
class NetworkFacts:
    """What a request has to know of the network."""

    name: str
    input_name: str
    image_shape: tuple[int, ...]
    """Of one image, without the batch."""

    @property
    def image_bytes(self) -> int:
        """Bytes of one image as float32."""
        return int(np.prod(self.image_shape)) * 4


class Session:
    """A network ready to run on a fixed number of threads."""

    def __init__(self, ort_session: Any, input_name: str, n_threads: int) -> None:
        self._ort_session = ort_session
        self._input_name = input_name
        self.n_threads = n_threads

    def run(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Classify; images are [batch, ...image shape], logits [batch, classes]."""
        logits: NDArray[np.float32] = self._ort_session.run(None, {self._input_name: images})[0]
        return logits


class PreparedNetwork:
    """Holds the optimised files as long as sessions may be made of them; close it at the end."""

    def __init__(self, model: Path) -> None:
        """Optimise a network for this processor.

        Raises:
            ModelError: the file is missing, damaged, or does not take images.
        """
        if not model.is_file():
            raise ModelError(f"asked to serve {model}", "there is no such file", _REMEDY)
        self._model = model
        self._ort = load_onnxruntime()
        self._folder = tempfile.TemporaryDirectory(prefix="joulepilot-network-")
        self._optimised = Path(self._folder.name) / "optimised.onnx"
        try:
            self.facts = self._optimise()
        except ModelError:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove the optimised files; sessions made of them go on working."""
        self._folder.cleanup()

    def session(self, n_threads: int) -> Session:
        """Make a session that computes on this many threads.

        Raises:
            ModelError: it cannot be made.
        """
        options = self._options(n_threads)
        options.graph_optimization_level = self._ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        return Session(self._load(self._optimised, options), self.facts.input_name, n_threads)

    def _optimise(self) -> NetworkFacts:
        options = self._options(n_threads=1)
        options.optimized_model_filepath = str(self._optimised)
        options.add_session_config_entry(
            "session.optimized_model_external_initializers_file_name", _WEIGHTS_FILE
        )
        loaded = self._load(self._model, options)
        inputs = loaded.get_inputs()
        if len(inputs) != 1 or inputs[0].type != "tensor(float)" or len(inputs[0].shape) < 2:
            found = ", ".join(f"{each.name}: {each.type} {each.shape}" for each in inputs)
            raise self._unfit(f"its inputs are {found}; one batch of float images is needed")
        batch, *image_shape = inputs[0].shape
        if isinstance(batch, int) or not all(isinstance(side, int) for side in image_shape):
            raise self._unfit(f"its input is {inputs[0].shape}; only the batch may, and must, vary")
        return NetworkFacts(self._model.stem, inputs[0].name, tuple(image_shape))

    def _options(self, n_threads: int) -> Any:
        options = self._ort.SessionOptions()
        options.intra_op_num_threads = n_threads
        options.inter_op_num_threads = 1
        options.log_severity_level = _LOG_ERRORS_ONLY
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        return options

    def _load(self, path: Path, options: Any) -> Any:
        state = self._ort.capi.onnxruntime_pybind11_state
        refusals = tuple(getattr(state, name) for name in _REFUSALS)
        try:
            return self._ort.InferenceSession(str(path), options, providers=list(_PROVIDERS))
        except refusals as error:
            raise self._unfit(str(error)) from error

    def _unfit(self, found: str) -> ModelError:
        return ModelError(f"asked to serve {self._model}", found, _REMEDY)
