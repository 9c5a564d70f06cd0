"""Two versions of a policy side by side, where their scores may be compared at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.registry.mlflow_registry import Registry
from flows.errors import NotComparableError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.registry.facts import RegisteredVersion
    from components.settings.settings import Settings

ROLE = "challenger"  # of a version in the run that made it


@dataclass(frozen=True, slots=True)
class Comparison:
    """Figures of both versions, and MLflow's page of them."""

    figures: Mapping[str, tuple[float | None, float | None]]
    url: str


def compare_versions(
    settings: Settings, first: RegisteredVersion, second: RegisteredVersion
) -> Comparison:
    """Read the scores of two versions.

    Raises:
        NotComparableError: they were scored on different evaluation sets.
        RegistryError: MLflow is away, or a version was not trained here.
    """
    if first.evaluation_set != second.evaluation_set:
        raise NotComparableError(
            f"asked to compare versions {first.version} and {second.version}",
            f"they were scored on the sets {first.evaluation_set[:12]} and "
            f"{second.evaluation_set[:12]}",
            "compare versions of one set; a retrain scores champion and challenger on the same",
        )
    registry = Registry(settings.mlflow_url)
    url = registry.compare_url(first, second)
    one, other = (
        {
            name.removeprefix(f"{ROLE}/"): value
            for name, value in registry.lineage(version.digest).metrics.items()
            if name.startswith(f"{ROLE}/")
        }
        for version in (first, second)
    )
    names = sorted({*one, *other})
    return Comparison({name: (one.get(name), other.get(name)) for name in names}, url)
