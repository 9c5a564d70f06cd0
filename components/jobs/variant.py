"""A version of an application, and how good its results are."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Variant:
    """One version, as its owner declared it."""

    name: str
    """As its server knows it."""
    quality: float
    """Of its results, in whatever the owner measures: more is better."""
