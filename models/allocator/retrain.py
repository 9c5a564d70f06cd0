"""Fine-tuning the champion on what nodes recorded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from models.allocator.surfaces import Surface

Progress = "Callable[[int, int, str], None]"
"""Told how far long work is: (done, total, what)."""


@dataclass(frozen=True, slots=True)
class TrainReport:
    """What a training did."""

    bundle: Path
    digest: str
    metrics: Mapping[str, float]
    curves: Mapping[str, tuple[float, ...]]
    """Loss or reward over the course of the training, by name."""
    params: Mapping[str, str]
    cpu_s: float


def retrain(
    champion: Path,
    surfaces: Sequence[Surface],
    out: Path,
    *,
    seed: int = 0,
    steps: int = 300,
    lake_version: int | None = None,
    progress: Callable[[int, int, str], None] | None = None,
) -> TrainReport:
    """Fine-tune the champion on surfaces mixed with made-up ones and write a new bundle.

    Raises:
        NotEnoughSamplesError: too few allocations were recorded to learn from.
        BundleError: the champion does not pass its check.
    """
    raise NotImplementedError
