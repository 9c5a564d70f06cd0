"""Two versions of a policy side by side, where their scores may be compared at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.registry.facts import summary
from components.registry.mlflow_registry import Registry
from components.releases.source import BUNDLES
from components.releases.store import BundleStore
from flows.errors import NotComparableError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.registry.facts import RegisteredVersion
    from components.releases.scores import CaseScore, Scores
    from components.settings.settings import Settings

OWN = "challenger"  # role of a version in the run that made it
PARENT = "champion"  # role of the version it was made from, in the same run
LEAST_W = 0.05
"""Smaller differences of the node's power are none that a person wants to read."""


@dataclass(frozen=True, slots=True)
class CaseDifference:
    """A job and target for which two versions decide differently."""

    case: str
    power_w: tuple[float, float]
    violated: tuple[bool, bool]

    @property
    def saved_w(self) -> float:
        """Watts that the second takes less than the first."""
        return self.power_w[0] - self.power_w[1]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Figures of both versions, where their decisions differ, and MLflow's page of them."""

    figures: Mapping[str, tuple[float | None, float | None]]
    differences: tuple[CaseDifference, ...]
    """The largest difference in watts first."""
    n_cases: int
    evaluation_set: str
    url: str


def compare_versions(
    settings: Settings,
    first: RegisteredVersion,
    second: RegisteredVersion,
    *,
    rescore: bool = False,
) -> Comparison:
    """Compare two versions on the same cases.

    Where one was trained from the other, its own run scored both; else their own runs count, if
    they scored on the same set. With `rescore` both are scored anew, on the set of today.

    Raises:
        NotComparableError: no run scored both on one set.
        RegistryError: MLflow is away, or a version was not trained here.
        ReleaseLogError: a bundle that is to be scored anew is not kept here any more.
    """
    registry = Registry(settings.mlflow_url)
    url = registry.compare_url(first, second)
    pair = (
        _scored_now(settings, first, second) if rescore else _scored_then(registry, first, second)
    )
    columns = tuple(summary(scores) for scores in pair)
    names = sorted({*columns[0], *columns[1]})
    return Comparison(
        figures={name: (columns[0].get(name), columns[1].get(name)) for name in names},
        differences=differences(*pair),
        n_cases=len(pair[0].cases),
        evaluation_set=pair[0].evaluation_set,
        url=url,
    )


def differences(first: Scores, second: Scores) -> tuple[CaseDifference, ...]:
    """Cases that two policies decide differently, the largest difference in watts first."""
    others = {case.case: case for case in second.cases}
    pairs = [(case, others[case.case]) for case in first.cases if case.case in others]
    found = [
        CaseDifference(one.case, (one.power_w, other.power_w), (one.violated, other.violated))
        for one, other in pairs
        if _differ(one, other)
    ]
    return tuple(sorted(found, key=lambda difference: -abs(difference.saved_w)))


def _differ(one: CaseScore, other: CaseScore) -> bool:
    return one.violated != other.violated or abs(one.power_w - other.power_w) >= LEAST_W


def _scored_then(
    registry: Registry, first: RegisteredVersion, second: RegisteredVersion
) -> tuple[Scores, Scores]:
    one, other = (registry.lineage(each.digest, each.policy) for each in (first, second))
    if other.champion_digest == first.digest:
        found = registry.scores(second, PARENT), registry.scores(second, OWN)
    elif one.champion_digest == second.digest:
        found = registry.scores(first, OWN), registry.scores(first, PARENT)
    else:
        found = registry.scores(first, OWN), registry.scores(second, OWN)
    left, right = found
    if left is None or right is None or left.evaluation_set != right.evaluation_set:
        sets = " and ".join("none" if s is None else s.evaluation_set[:12] for s in found)
        raise NotComparableError(
            f"asked to compare versions {first.version} and {second.version}",
            f"they were scored on the sets {sets}",
            "score both anew on the set of today: add --rescore",
        )
    return left, right


def _scored_now(
    settings: Settings, first: RegisteredVersion, second: RegisteredVersion
) -> tuple[Scores, Scores]:
    """Score both on today's evaluation set; takes some seconds of CPU for each."""
    from flows.learning import recorded_surfaces_of  # torch takes seconds to import
    from models.allocator.evaluation import evaluate, evaluation_set

    surfaces, _ = recorded_surfaces_of(settings.home)
    cases = evaluation_set(surfaces)
    store = BundleStore(settings.home / BUNDLES)
    return evaluate(store.path(first.digest), cases), evaluate(store.path(second.digest), cases)
