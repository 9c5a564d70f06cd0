"""What the results of an arena come to, a line a contender."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from models.allocator.arena import Result


@dataclass(frozen=True, slots=True)
class Summary:
    """Means over the cases of one contender; shares are in [0, 1]."""

    contender: str
    n_cases: int
    regret_mean: float
    """A violation saves nothing: its regret counts as at least 0."""
    regret_p95: float
    regret_above_idle_mean: float | None
    """Over the cases whose idle power is known; None where there is none."""
    exact_share: float
    within_one_share: float
    violation_share: float
    false_infeasible_share: float
    """Of the cases in which something meets the target; 0 where nothing does in any."""
    false_feasible_share: float
    """Of the cases in which nothing meets the target; 0 where something does in all."""
    probes_mean: float
    confirm_windows_mean: float
    unsafe_probes_mean: float
    decision_ms: float
    """CPU time a reading, or a choice without one: what the node waits for."""
    cpu_s_mean: float
    """CPU time of a whole search; where a contender learns for each node, learning included."""


def summarise(results: Iterable[Result]) -> tuple[Summary, ...]:
    """One summary a contender, in the order of their first result."""
    groups: dict[str, list[Result]] = {}
    for result in results:
        groups.setdefault(result.contender, []).append(result)
    return tuple(_summary(name, group) for name, group in groups.items())


def table(results: Iterable[Result]) -> str:
    """Lay out the summaries for people."""
    summaries = summarise(results)
    width = max((len(summary.contender) for summary in summaries), default=0)
    head = (
        f"{'':<{width}}{'regret':>9}{'p95':>8}{'exact':>8}{'±1':>8}{'missed':>8}"
        f"{'false inf':>11}{'probes':>11}{'unsafe':>8}{'ms':>8}{'CPU s':>8}"
    )
    return "\n".join((head, *(f"{s.contender:<{width}}{_cells(s)}" for s in summaries)))


def _cells(s: Summary) -> str:
    return (
        f"{s.regret_mean:>9.2%}{s.regret_p95:>8.1%}{s.exact_share:>8.1%}"
        f"{s.within_one_share:>8.1%}{s.violation_share:>8.2%}{s.false_infeasible_share:>11.2%}"
        f"{s.probes_mean:>11.2f}{s.unsafe_probes_mean:>8.2f}{s.decision_ms:>8.2f}"
        f"{s.cpu_s_mean:>8.2f}"
    )


def _summary(name: str, results: Sequence[Result]) -> Summary:
    regret = np.asarray([max(result.regret_whole_node, 0.0) for result in results])
    above_idle = [
        max(result.regret_above_idle, 0.0)
        for result in results
        if result.regret_above_idle is not None
    ]
    out_of_reach = [result for result in results if _is_out_of_reach(result)]
    n_readings = sum(max(result.probes + (result.confirm_windows > 0), 1) for result in results)
    return Summary(
        contender=name,
        n_cases=len(results),
        regret_mean=float(regret.mean()),
        regret_p95=float(np.quantile(regret, 0.95)),
        regret_above_idle_mean=float(np.mean(above_idle)) if above_idle else None,
        exact_share=_share(result.exact for result in results),
        within_one_share=_share(result.within_one for result in results),
        violation_share=_share(result.violated for result in results),
        false_infeasible_share=_share(
            result.false_infeasible for result in results if not _is_out_of_reach(result)
        ),
        false_feasible_share=_share(result.false_feasible for result in out_of_reach),
        probes_mean=float(np.mean([result.probes for result in results])),
        confirm_windows_mean=float(np.mean([result.confirm_windows for result in results])),
        unsafe_probes_mean=float(np.mean([result.unsafe_probes for result in results])),
        decision_ms=sum(result.cpu_ms for result in results) / n_readings,
        cpu_s_mean=float(np.mean([result.cpu_ms for result in results])) / 1000.0,
    )


def _is_out_of_reach(result: Result) -> bool:
    """Whether nothing meets the target of a result's case."""
    return result.false_feasible or (result.infeasible and not result.false_infeasible)


def _share(claims: Iterable[bool]) -> float:
    values = list(claims)
    return sum(values) / len(values) if values else 0.0
