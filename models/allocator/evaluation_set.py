"""Cases to judge policies on: frozen made-up nodes, and what live nodes showed last."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from components.madeup.populations import EVALUATION_FAMILIES, TRAINING_FAMILIES, draw
from components.policy.candidates import candidates_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from components.jobs.candidate import Candidate
    from components.madeup.surface import MadeUpSurface
    from components.node.topology import Topology
    from components.policy.recorded import JobKey
    from models.allocator.surfaces import Surface

FAMILIES = (*TRAINING_FAMILIES, *EVALUATION_FAMILIES)
LIVE = "live"
GATE_SEED = 20_000
"""Seed of the nodes the gate judges on; training draws from other seeds."""


@dataclass(frozen=True, slots=True)
class Case:
    """One node with one job and one target, and the truth about it."""

    name: str
    family: str
    """Which population it was drawn from; `live` for a recorded one."""
    topology: Topology
    candidates: tuple[Candidate, ...]
    latency_ms: NDArray[np.float64]
    """Shape (C,): true latency of every candidate."""
    power_w: NDArray[np.float64]
    """Shape (C,): true node power of every candidate."""
    target_ms: float
    noise: float
    """sigma of the log latency of one window; log power has half of it."""
    job: JobKey | None = None
    """Of a recorded one: a bundle may know it."""

    @property
    def feasible(self) -> NDArray[np.bool_]:
        """Shape (C,): which candidates keep the target."""
        return np.asarray(self.latency_ms <= self.target_ms)

    @property
    def best(self) -> int:
        """Position of the cheapest candidate that keeps the target; the fastest if none does."""
        if not self.feasible.any():
            return int(self.latency_ms.argmin())
        return int(np.where(self.feasible, self.power_w, np.inf).argmin())


@dataclass(frozen=True, slots=True)
class EvaluationSet:
    """Cases in order; two scores may be compared only when this digest is the same."""

    cases: tuple[Case, ...]
    digest: str


def evaluation_set(
    surfaces: Sequence[Surface] = (),
    *,
    n_madeup: int = 160,
    seed: int = GATE_SEED,
    families: Sequence[str] = FAMILIES,
    noise: float | None = None,
) -> EvaluationSet:
    """Put together frozen made-up nodes and the held-out part of live surfaces.

    Args:
        surfaces: live ones; only their held-out points are used.
        n_madeup: made-up cases, shared out evenly over the families.
        seed: of the made-up cases and of the noise that every policy meets alike.
        families: populations to draw from.
        noise: sigma of one window for all made-up cases; None: each has its own.
    """
    cases = [
        case_of_madeup(surface, noise)
        for family in families
        for surface in draw(family, seed, n_madeup // len(families))
    ]
    cases.extend(case for surface in surfaces for case in cases_of_live(surface))
    return EvaluationSet(tuple(cases), _digest(cases))


def case_of_madeup(surface: MadeUpSurface, noise: float | None = None) -> Case:
    """Write down the truth about a made-up surface."""
    candidates = candidates_of(surface.topology)
    return Case(
        name=surface.name,
        family=surface.family,
        topology=surface.topology,
        candidates=candidates,
        latency_ms=surface.latency_ms(candidates),
        power_w=surface.power_w(candidates),
        target_ms=surface.target_ms,
        noise=surface.noise if noise is None else noise,
    )


def cases_of_live(surface: Surface) -> tuple[Case, ...]:
    """One case per target that was in force; nothing when less than two points were held out."""
    points = surface.held_out
    if len(points) < 2:
        return ()
    return tuple(
        Case(
            name=f"{surface.name}@{target_ms:g}ms",
            family=LIVE,
            topology=surface.topology,
            candidates=tuple(point.candidate for point in points),
            latency_ms=np.asarray([point.latency_ms for point in points]),
            power_w=np.asarray([point.power_w for point in points]),
            target_ms=target_ms,
            noise=surface.noise,
            job=surface.job,
        )
        for target_ms in surface.targets_ms
    )


def _digest(cases: Sequence[Case]) -> str:
    digest = hashlib.sha256()
    for case in cases:
        digest.update(f"{case.name};{case.target_ms!r};{case.noise!r};".encode())
        digest.update(case.topology.digest.encode())
        digest.update(";".join(map(str, case.candidates)).encode())
        for values in (case.latency_ms, case.power_w):
            # rounded: the last bits differ between machines
            digest.update(np.round(np.log(values), 6).tobytes())
    return digest.hexdigest()
