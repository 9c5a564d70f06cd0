"""Many surfaces as arrays of equal length, to learn from all at once."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np

from components.policy.candidates import candidates_of
from components.policy.features import candidate_features
from models.allocator.nets import N_FEATURES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from components.jobs.candidate import Candidate
    from components.madeup.surface import MadeUpSurface
    from components.node.topology import Topology

MAX_CANDIDATES = 96
"""Candidates kept of each surface for training; which ones is drawn, the widest always stay."""


@dataclass(frozen=True, slots=True)
class SurfaceArrays:
    """N surfaces of C candidates each; shorter ones are padded and masked.

    Candidate 0 is all CPUs, candidate 1 all physical cores (again all CPUs where that is the
    same or was never recorded).
    """

    features: NDArray[np.float32]
    """Shape (N, C, F)."""
    latency_log: NDArray[np.float32]
    """Shape (N, C): natural logarithm of ms, true or recorded."""
    power_log: NDArray[np.float32]
    """Shape (N, C): natural logarithm of W."""
    known: NDArray[np.bool_]
    """Shape (N, C): candidates that are there; the others are padding."""
    n_cpus: NDArray[np.float32]
    """Shape (N, C)."""
    target_log: NDArray[np.float32]
    """Shape (N,): natural logarithm of the target in ms."""
    noise: NDArray[np.float32]
    """Shape (N,): sigma of the log latency of one window."""
    weight: NDArray[np.float32]
    """Shape (N,): how much a surface counts."""

    def __len__(self) -> int:
        return len(self.target_log)

    def take(self, rows: NDArray[np.intp]) -> SurfaceArrays:
        """Pick surfaces, also repeatedly."""
        return SurfaceArrays(*(getattr(self, field.name)[rows] for field in fields(self)))


def narrow(arrays: SurfaceArrays, n_most: int) -> SurfaceArrays:
    """Keep the first candidates of each surface: the widest and some that were drawn anyway."""
    kept = {
        field.name: value[:, :n_most]
        for field in fields(arrays)
        if (value := getattr(arrays, field.name)).ndim > 1
    }
    return replace(arrays, **kept)


def join(parts: Sequence[SurfaceArrays]) -> SurfaceArrays:
    """Put surfaces one after another."""
    width = max(part.known.shape[1] for part in parts)
    wide = [_widen(part, width) for part in parts]
    return SurfaceArrays(
        *(np.concatenate([getattr(part, f.name) for part in wide]) for f in fields(SurfaceArrays))
    )


def _widen(part: SurfaceArrays, width: int) -> SurfaceArrays:
    """Pad to more candidates, none of them known."""
    more = width - part.known.shape[1]
    padded = {
        field.name: np.pad(
            value,
            [(0, 0), (0, more), (0, 0)][: value.ndim],
            constant_values=1 if field.name == "n_cpus" else 0,
        )
        for field in fields(part)
        if (value := getattr(part, field.name)).ndim > 1
    }
    return replace(part, **padded)


def of_madeup(surfaces: Sequence[MadeUpSurface], seed: int) -> SurfaceArrays:
    """Evaluate made-up surfaces on candidates drawn for each, in random order after the widest."""
    rng = np.random.default_rng(seed)
    known_nodes: dict[str, tuple[tuple[Candidate, ...], NDArray[np.float32]]] = {}
    columns: list[tuple[NDArray[np.float32], ...]] = []
    for surface in surfaces:
        topology = surface.topology
        if topology.digest not in known_nodes:
            candidates = candidates_of(topology)
            known_nodes[topology.digest] = candidates, candidate_features(topology, candidates)
        candidates, features = known_nodes[topology.digest]
        chosen = _draw_candidates(rng, candidates, topology)
        kept = [candidates[i] for i in chosen]
        values = surface.latency_ms(kept), surface.power_w(kept)
        n_cpus = np.asarray([c.n_cpus for c in kept], dtype=np.float32)
        columns.append((features[chosen], *(np.log(v).astype(np.float32) for v in values), n_cpus))
    targets = np.asarray([np.log(surface.target_ms) for surface in surfaces], dtype=np.float32)
    noise = np.asarray([surface.noise for surface in surfaces], dtype=np.float32)
    return pack(columns, targets, noise, np.ones_like(noise))


def pack(
    columns: Sequence[tuple[NDArray[np.float32], ...]],
    target_log: NDArray[np.float32],
    noise: NDArray[np.float32],
    weight: NDArray[np.float32],
) -> SurfaceArrays:
    """Pad (features, log latency, log power, CPUs) of each surface to the same length."""
    shape = (len(columns), max(len(column[-1]) for column in columns))
    features = np.zeros((*shape, N_FEATURES), dtype=np.float32)
    latency, power = np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=np.float32)
    known, n_cpus = np.zeros(shape, dtype=np.bool_), np.ones(shape, dtype=np.float32)
    for row, (own, latency_log, power_log, cpus) in enumerate(columns):
        n = len(cpus)
        features[row, :n], latency[row, :n], power[row, :n] = own, latency_log, power_log
        known[row, :n], n_cpus[row, :n] = True, cpus
    return SurfaceArrays(features, latency, power, known, n_cpus, target_log, noise, weight)


def widest_first(candidates: Sequence[Candidate], n_physical: int) -> tuple[int, int]:
    """Positions of all CPUs and of all physical cores (all CPUs again where there is none)."""
    counts = [candidate.n_cpus for candidate in candidates]
    widest = counts.index(max(counts))
    return widest, counts.index(n_physical) if n_physical in counts else widest


def _draw_candidates(
    rng: np.random.Generator,
    candidates: tuple[Candidate, ...],
    topology: Topology,
) -> NDArray[np.intp]:
    widest, physical = widest_first(candidates, topology.n_physical)
    others = rng.permutation(len(candidates))[: MAX_CANDIDATES - 2]
    others = others[(others != widest) & (others != physical)]
    return np.concatenate([[widest, physical], others]).astype(np.intp)
