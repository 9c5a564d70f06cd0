"""What a training did, for the registry and for people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


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
    sentence: str = ""
    """What people should know of it."""
