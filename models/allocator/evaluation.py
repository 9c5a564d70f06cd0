"""Judging a bundle on cases it never saw, by true values."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from dataclasses import dataclass
    from pathlib import Path

    from components.releases.scores import Scores
    from models.allocator.surfaces import Surface

    @dataclass(frozen=True, slots=True)
    class EvaluationSet:
        """Cases to judge on, and their digest."""

        digest: str


def evaluation_set(
    surfaces: Sequence[Surface] = (), *, n_madeup: int = 150, seed: int = 20_000
) -> EvaluationSet:
    """Frozen made-up nodes, and the held-out points of live surfaces."""
    raise NotImplementedError


def evaluate(
    bundle: Path,
    cases: EvaluationSet,
    *,
    progress: Callable[[int, int, str], None] | None = None,
) -> Scores:
    """Search every case with a bundle."""
    raise NotImplementedError


def evaluate_all_cpus(cases: EvaluationSet) -> Scores:
    """Score giving every CPU, the baseline no policy may be worse than."""
    raise NotImplementedError
