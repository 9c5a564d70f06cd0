"""Deciders on sweeps measured elsewhere: what each chose, and what that comes to."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from components.policy.search_settings import SearchSettings
from models.allocator.arena import run
from models.allocator.arena_policy import PolicyContender
from models.allocator.baselines.lineup import baselines
from models.allocator.recording_search import RecordingContender

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from components.policy.brain import Brain
    from models.allocator.arena import Case, Contender, Result
    from models.allocator.recordings import Recording

COLUMNS = ("recording", "target_ms", "n_cpus", "layout", "probes", "infeasible")
_EXACT_SIGMA = 1e-9


@dataclass(frozen=True, slots=True)
class Figures:
    """What the choices of one contender come to, by true latency and power."""

    contender: str
    n_targets: int
    exact: int
    """The cheapest that keeps the target, or rightly "nothing does"."""
    within_one: int
    """Exact, or keeps the target with the next recorded number of CPUs."""
    violations: int
    """Something keeps the target, and the choice does not."""
    false_infeasible: int
    """Something keeps the target, and the contender says that nothing does."""
    regret_mean: float
    """Power over that of the best choice, less 1; of the whole node; at least 0."""
    regret_p95: float
    regret_above_idle_mean: float | None
    """The same of the power above idle, over the recordings that say what idle is."""
    regret_above_idle_p95: float | None
    probes_mean: float
    """Readings of any kind: first ones, repeats, and those that confirm."""
    unsafe_probes_mean: float
    """Different allocations read whose true latency misses the target."""


def contenders(brain: Brain, noise: float, cases: Sequence[Case]) -> tuple[Contender, ...]:
    """Ours first; then the same policy searching as on a node, and the baselines."""
    as_on_a_node = SearchSettings(window_sigma=max(noise, _EXACT_SIGMA), confirm_windows=1)
    rule = brain.bundle.probe_rule
    return (
        RecordingContender(brain, noise),
        PolicyContender(brain, rule, as_on_a_node),
        *baselines(cases),
    )


def cases_of(recordings: Sequence[Recording], noise: float) -> tuple[Case, ...]:
    """One case for every target of every recording, in their order."""
    return tuple(case for recording in recordings for case in recording.cases(noise))


def decide_all(
    contender: Contender,
    cases: Sequence[Case],
    seed: int,
    progress: Callable[[int, int, str], None],
) -> tuple[Result, ...]:
    """Let a contender decide every case."""
    results = []
    for done, case in enumerate(cases, start=1):
        results.append(run(contender, case, seed))
        progress(done, len(cases), contender.name)
    return tuple(results)


def figures(contender: Contender, results: Sequence[Result]) -> Figures:
    """Sum up; without a single target every figure is 0."""
    whole = [max(result.regret_whole_node, 0.0) for result in results]
    above = [max(r.regret_above_idle, 0.0) for r in results if r.regret_above_idle is not None]
    return Figures(
        contender=contender.name,
        n_targets=len(results),
        exact=sum(result.exact for result in results),
        within_one=sum(result.within_one for result in results),
        violations=sum(result.violated for result in results),
        false_infeasible=sum(result.false_infeasible for result in results),
        regret_mean=_mean(whole),
        regret_p95=_p95(whole),
        regret_above_idle_mean=_mean(above) if above else None,
        regret_above_idle_p95=_p95(above) if above else None,
        probes_mean=_mean([readings(result) for result in results]),
        unsafe_probes_mean=_mean([result.unsafe_probes for result in results]),
    )


def readings(result: Result) -> int:
    """Probes of a result; a reading that confirms is one too."""
    return result.probes + result.confirm_windows


def predictions_text(recordings: Sequence[Recording], results: Sequence[Result]) -> str:
    """Lay out the choices as CSV: recordings in order, targets as their sidecars write them."""
    asked = [(r.name, target_ms) for r in recordings for target_ms in r.sidecar.targets_ms]
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for (name, target_ms), result in zip(asked, results, strict=True):
        chosen = ("", "") if result.infeasible else (result.chosen.n_cpus, result.chosen.layout)
        infeasible = "true" if result.infeasible else "false"
        writer.writerow((name, repr(target_ms), *chosen, readings(result), infeasible))
    return file.getvalue()


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else 0.0


def _p95(values: Sequence[float]) -> float:
    return float(np.quantile(values, 0.95)) if values else 0.0
