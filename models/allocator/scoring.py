"""What scores come to over many cases."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.releases.scores import CaseScore, Scores
    from models.allocator.evaluation_set import EvaluationSet


def summarise(scores: Scores, cases: EvaluationSet) -> dict[str, dict[str, float]]:
    """Figures by family, and over all cases under `all`."""
    families = [case.family for case in cases.cases]
    groups = {
        name: [s for s, f in zip(scores.cases, families, strict=True) if f == name]
        for name in dict.fromkeys(families)
    }
    return {name: figures(group) for name, group in {**groups, "all": scores.cases}.items()}


def figures(scores: Sequence[CaseScore]) -> dict[str, float]:
    """Regret (a commitment that misses its target saves nothing), probes and violations."""
    regret = np.asarray([max(score.regret, 0.0) for score in scores])
    return {
        "n_cases": float(len(scores)),
        "regret_mean": float(regret.mean()),
        "regret_p95": float(np.quantile(regret, 0.95)),
        "probes_mean": float(np.mean([score.probes for score in scores])),
        "unsafe_probes_mean": float(np.mean([score.unsafe_probes for score in scores])),
        "violation_share": float(np.mean([score.violated for score in scores])),
    }


def paired_difference(challenger: Scores, champion: Scores) -> tuple[float, float]:
    """Mean difference of regret, and its standard error; both met the same cases."""
    a = np.asarray([max(score.regret, 0.0) for score in challenger.cases])
    b = np.asarray([max(score.regret, 0.0) for score in champion.cases])
    difference = a - b
    return float(difference.mean()), float(difference.std(ddof=1) / np.sqrt(len(difference)))


def table(name: str, summary: dict[str, dict[str, float]]) -> str:
    """Lay out figures for people, one line a family."""
    lines = [
        f"{name:<22}{'cases':>6}{'regret':>9}{'p95':>9}{'probes':>8}{'unsafe':>8}{'missed':>8}"
    ]
    lines.extend(
        f"  {family:<20}{f['n_cases']:>6.0f}{f['regret_mean']:>9.2%}{f['regret_p95']:>9.2%}"
        f"{f['probes_mean']:>8.2f}{f['unsafe_probes_mean']:>8.2f}{f['violation_share']:>8.2%}"
        for family, f in summary.items()
    )
    return "\n".join(lines)
