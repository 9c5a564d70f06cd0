"""Latency and power over allocations, compiled from samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from components.jobs.candidate import Candidate
    from components.node.topology import Topology


@dataclass(frozen=True, slots=True)
class Point:
    """One allocation of a surface: the mean over its windows."""

    candidate: Candidate
    latency_ms: float
    power_w: float
    n_windows: int
    weight: float


@dataclass(frozen=True, slots=True)
class Surface:
    """Latency and node power of one model on one node class at one rate."""

    name: str
    node_class: str
    topology: Topology
    points: tuple[Point, ...]
    held_out: tuple[Point, ...]
    """From the last third in time: for evaluation only, never trained on."""
    targets_ms: tuple[float, ...]
    noise: float
    """σ of the log latency from one window of an allocation to the next."""


def compile_surfaces(
    frame: pd.DataFrame, topologies: Mapping[str, Topology] | None = None
) -> tuple[Surface, ...]:
    """Average the lake's samples to surfaces by node class, image, model, batch and rate band.

    Args:
        frame: rows of the lake's table `samples`.
        topologies: by node class; of a class not named here the sockets, cores and CPUs are read
            from its name (`…-2s64c128t-…`), and L3 groups of eight cores are assumed.
    """
    raise NotImplementedError
