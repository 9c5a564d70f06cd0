"""Judging policies on cases they never saw: by true values, with the code that runs on nodes."""

from __future__ import annotations

import zlib
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from components.jobs.target import Target
from components.policy.brain import load_brain
from components.policy.search import Search, SearchSettings
from components.policy.steps import Confirm, Infeasible, Observation, Probe, Settled
from components.releases.scores import CaseScore, Scores
from models.allocator.evaluation_set import EvaluationSet, evaluation_set

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from components.policy.brain import Brain
    from models.allocator.evaluation_set import Case

__all__ = [
    "EvaluationSet",
    "evaluate",
    "evaluate_all_cpus",
    "evaluate_oracle",
    "evaluation_set",
    "search_case",
]

ALL_CPUS = "all-cpus"
ORACLE = "oracle"
_MAX_STEPS = 60
_REPORT_EVERY = 20


def evaluate(
    bundle: Path,
    cases: EvaluationSet,
    *,
    settings: SearchSettings | None = None,
    progress: Callable[[int, int, str], None] | None = None,
) -> Scores:
    """Search every case with a bundle, as an executor would.

    Readings are noisy; scores are by true values.

    Raises:
        BundleError: the bundle does not pass its check.
    """
    brain = load_brain(bundle)
    scores = []
    for done, case in enumerate(cases.cases, start=1):
        scores.append(search_case(brain, case, settings))
        if progress is not None and done % _REPORT_EVERY == 0:
            progress(done, len(cases.cases), "evaluating")
    return Scores(brain.digest, cases.digest, tuple(scores))


def evaluate_all_cpus(cases: EvaluationSet) -> Scores:
    """Score giving every CPU: the baseline that no policy may be worse than."""
    scores = [
        _score(case, max(range(len(case.candidates)), key=lambda i: case.candidates[i].n_cpus))
        for case in cases.cases
    ]
    return Scores(ALL_CPUS, cases.digest, tuple(scores))


def evaluate_oracle(cases: EvaluationSet) -> Scores:
    """Score knowing the truth: no policy can be better."""
    return Scores(ORACLE, cases.digest, tuple(_score(case, case.best) for case in cases.cases))


def search_case(brain: Brain, case: Case, settings: SearchSettings | None = None) -> CaseScore:
    """Run one search to its end on a case."""
    noise = _Noise(case)
    settings = replace(settings or SearchSettings(), job=case.job)
    search = Search(brain, case.topology, case.candidates, Target(case.target_ms), settings)
    position = {candidate: i for i, candidate in enumerate(case.candidates)}
    probed: list[int] = []
    for _ in range(_MAX_STEPS):
        step = search.next()
        index = position[step.candidate]
        match step:
            case Settled() | Infeasible():
                return _score(case, index, probed)
            case Probe():
                probed.append(index)
                search.observe(noise.read(index, 1.0))
            case Confirm():
                search.observe(noise.read(index, float(step.n_windows)))
    return _score(case, index, probed)


class _Noise:
    """Reads a case; the k-th reading of a candidate has the same error for every policy."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._seed = zlib.crc32(case.name.encode())
        self._errors: dict[int, np.random.Generator] = {}

    def read(self, index: int, n_windows: float) -> Observation:
        """What a window of a candidate shows."""
        rng = self._errors.setdefault(index, np.random.default_rng([self._seed, index]))
        error = self._case.noise / np.sqrt(n_windows) * rng.normal(size=2)
        return Observation(
            self._case.candidates[index],
            float(self._case.latency_ms[index] * np.exp(error[0])),
            float(self._case.power_w[index] * np.exp(0.5 * error[1])),
            n_windows,
        )


def _score(case: Case, index: int, probed: list[int] | None = None) -> CaseScore:
    """Score a commitment; where nothing keeps the target, the fastest is what is best.

    There a commitment is no violation, and its regret is how much slower it is than the fastest.
    """
    probed = probed or []
    any_feasible = bool(case.feasible.any())
    regret = case.power_w[index] / case.power_w[case.best] - 1.0
    if not any_feasible:
        regret = case.latency_ms[index] / case.latency_ms[case.best] - 1.0
    return CaseScore(
        case=case.name,
        regret=float(regret),
        violated=bool(any_feasible and not case.feasible[index]),
        probes=len(probed),
        unsafe_probes=len({i for i in probed if not case.feasible[i]}),
        power_w=float(case.power_w[index]),
    )
