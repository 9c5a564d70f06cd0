"""What one number means that a policy's graph is fed or gives."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FeatureSpec:
    """One column: its name, unit and range."""

    name: str
    unit: str
    low: float
    high: float
