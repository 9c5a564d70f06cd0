"""Random inputs that fit a network."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import helper

if TYPE_CHECKING:
    import onnx
    from numpy.typing import NDArray

    Inputs = dict[str, NDArray[Any]]

_DRAWN_VALUES = 65_536  # repeated to fill larger inputs: drawing is slower than running some nets


@dataclass(frozen=True, slots=True)
class InputSpec:
    """One input: its name, the sides after the batch, and the type of its values."""

    name: str
    sides: tuple[int, ...]
    dtype: str


def input_specs(model: onnx.ModelProto) -> tuple[InputSpec, ...]:
    """What a network is given at every run; a free side other than the batch counts as 1."""
    weights = {tensor.name for tensor in model.graph.initializer}
    return tuple(
        InputSpec(
            value.name,
            tuple(max(size.dim_value, 1) for size in list(value.type.tensor_type.shape.dim)[1:]),
            helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type).name,
        )
        for value in model.graph.input
        if value.name not in weights
    )


def random_inputs(specs: tuple[InputSpec, ...], batch: int, seed: int = 0) -> Inputs:
    """Standard normal values (whole numbers from 0 where numbers are whole) for one run."""
    rng = np.random.default_rng(seed)
    return {spec.name: _filled(spec, batch, rng) for spec in specs}


def _filled(spec: InputSpec, batch: int, rng: np.random.Generator) -> NDArray[Any]:
    shape = (batch, *spec.sides)
    drawn = rng.standard_normal(min(prod(shape), _DRAWN_VALUES), dtype=np.float32)
    if not np.issubdtype(np.dtype(spec.dtype), np.floating):
        drawn = np.abs(drawn)
    return np.resize(drawn.astype(spec.dtype), shape)
