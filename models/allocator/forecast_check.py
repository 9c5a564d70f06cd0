"""Whether the probabilities that a bundle gives for keeping targets are what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import norm

from components.jobs.target import Target
from components.policy.brain import load_brain
from components.policy.search import Search
from components.policy.steps import Observation

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from components.policy.brain import Brain
    from models.allocator.evaluation_set import Case, EvaluationSet


def said_of_targets(bundle: Path, cases: EvaluationSet) -> tuple[Sequence[float], Sequence[bool]]:
    """Say of every candidate of every case whether it keeps the target, from two that were seen.

    Returns:
        Each probability that was said, and whether it was so; what was seen is left out.

    Raises:
        BundleError: the bundle does not pass its check.
    """
    brain = load_brain(bundle)
    said: list[float] = []
    was_so: list[bool] = []
    for case in cases.cases:
        p, seen = _said(brain, case)
        unseen = [i for i in range(len(case.candidates)) if i not in seen]
        said += [p[i] for i in unseen]
        was_so += [bool(case.feasible[i]) for i in unseen]
    return said, was_so


def _said(brain: Brain, case: Case) -> tuple[Sequence[float], set[int]]:
    """Probabilities after windows with the most and half of the CPUs, and which these were."""
    search = Search(brain, case.topology, case.candidates, Target(case.target_ms))
    n_cpus = np.asarray([candidate.n_cpus for candidate in case.candidates])
    seen = {int(n_cpus.argmax()), int(np.abs(n_cpus - n_cpus.max() / 2).argmin())}
    for i in sorted(seen):
        search.observe(
            Observation(case.candidates[i], float(case.latency_ms[i]), float(case.power_w[i]), 1.0)
        )
    slack = [
        np.log(case.target_ms / found.latency_ms) / found.latency_log_sigma
        for found in search.predictions()
    ]
    return norm.cdf(slack).tolist(), seen
