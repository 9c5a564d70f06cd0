"""Networks in 8-bit integers, calibrated on random inputs. The one file that quantises."""

from __future__ import annotations

import importlib
import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from components.policy.onnx_runtime import load_onnxruntime
from models.device_classifier.zoo.inputs import input_specs, random_inputs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import onnx
    from numpy.typing import NDArray

CALIBRATION_BATCHES = 4
CALIBRATION_BATCH = 4


def quantise(model: onnx.ModelProto, out: Path) -> None:
    """Write a network with 8-bit weights (per channel) and activations.

    Ranges are those seen on standard normal inputs: they are right for cost, not for accuracy on
    anybody's data.
    """
    load_onnxruntime()  # shuts its phone-home before the next import opens it
    quantization = importlib.import_module("onnxruntime.quantization")
    with _quiet():
        quantization.quantize_static(
            model,
            out,
            _reader(quantization, model),
            quant_format=quantization.QuantFormat.QDQ,
            per_channel=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
        )


def _reader(quantization: Any, model: onnx.ModelProto) -> Any:
    specs = input_specs(model)
    seeds = iter(range(CALIBRATION_BATCHES))

    class Reader(quantization.CalibrationDataReader):  # type: ignore[misc]  # untyped package
        def get_next(self) -> dict[str, NDArray[Any]] | None:
            seed = next(seeds, None)
            return None if seed is None else random_inputs(specs, CALIBRATION_BATCH, seed)

    return Reader()


@contextmanager
def _quiet() -> Iterator[None]:
    """It advises, through the root logger, to pre-process what we drew ready for inference."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
