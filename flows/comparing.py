"""Two versions of a policy side by side, where their scores may be compared at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.registry.mlflow_registry import Registry
from flows.errors import NotComparableError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.registry.facts import Lineage, RegisteredVersion
    from components.settings.settings import Settings

OWN = "challenger"  # role of a version in the run that made it
PARENT = "champion"  # role of the version it was made from, in the same run


@dataclass(frozen=True, slots=True)
class Comparison:
    """Figures of both versions, and MLflow's page of them."""

    figures: Mapping[str, tuple[float | None, float | None]]
    url: str


def compare_versions(
    settings: Settings, first: RegisteredVersion, second: RegisteredVersion
) -> Comparison:
    """Read the scores of two versions from runs that scored them on the same set.

    Where one was trained from the other, its own run scored both; else their own runs count.

    Raises:
        NotComparableError: no run scored both on one set.
        RegistryError: MLflow is away, or a version was not trained here.
    """
    registry = Registry(settings.mlflow_url)
    url = registry.compare_url(first, second)
    one, other = (registry.lineage(each.digest, each.policy) for each in (first, second))
    if other.champion_digest == first.digest:
        columns = _scores(other, PARENT), _scores(other, OWN)
    elif one.champion_digest == second.digest:
        columns = _scores(one, OWN), _scores(one, PARENT)
    elif one.scored_on is not None and one.scored_on == other.scored_on:
        columns = _scores(one, OWN), _scores(other, OWN)
    else:
        raise NotComparableError(
            f"asked to compare versions {first.version} and {second.version}",
            f"they were scored on the sets {_short(one)} and {_short(other)}",
            "compare a version with the one it was trained from: that run scored both",
        )
    names = sorted({*columns[0], *columns[1]})
    return Comparison({name: (columns[0].get(name), columns[1].get(name)) for name in names}, url)


def _scores(lineage: Lineage, role: str) -> dict[str, float]:
    prefix = f"{role}/"
    return {
        name.removeprefix(prefix): value
        for name, value in lineage.metrics.items()
        if name.startswith(prefix)
    }


def _short(lineage: Lineage) -> str:
    return "none" if lineage.scored_on is None else lineage.scored_on[:12]
