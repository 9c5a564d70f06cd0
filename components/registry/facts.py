"""What is told to the registry of a training, and what it tells of a version."""

from __future__ import annotations

import math
import re
import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from components.policy.manifest import CORE_ALLOCATOR
from components.registry.errors import RegistryRefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from components.releases.scores import Scores

_KEY = re.compile(r"[\w\-. /]{1,200}")


@dataclass(frozen=True, slots=True)
class LakeData:
    """The rows that were learned from: a table of the lake in one version."""

    folder: str
    """Of the lake, as a path or an address."""
    version: int
    table: str = "samples"
    n_rows: int | None = None


@dataclass(frozen=True, slots=True)
class TableData:
    """The rows that were learned from: a table in a file."""

    name: str
    sha256: str
    n_rows: int
    source: str
    """`recorded` or `simulated`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingFacts:
    """One training, as it is logged."""

    name: str
    """Of the run, for people."""
    evaluation_set: str
    """SHA-256 of the evaluation set of the scores."""
    git_commit: str
    policy: str = CORE_ALLOCATOR
    data: LakeData | TableData | None = None
    """None: it learned from made-up nodes only."""
    params: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    curves: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """Loss, reward and the like over the steps of the training."""
    results: Mapping[str, float] = field(default_factory=dict)
    """Single figures: seconds, rows, …"""
    scores: Mapping[str, Scores] = field(default_factory=dict)
    """By role: `challenger`, `champion`, `all-cpus`, …"""
    figures: Sequence[Path] = ()
    """PNG files."""
    champion_digest: str | None = None
    """Of the bundle it was trained from."""
    bundle_digest: str | None = None
    """Of the bundle that came of it: logging the same bundle again is the same run."""

    def __post_init__(self) -> None:
        for key in (*self.params, *self.curves, *self.results, *self.scores):
            if _KEY.fullmatch(key) is None:
                raise self._bad(f"{key!r} is no name MLflow takes", "use letters, digits and -_./")
        for key, values in {**self.curves, **{k: (v,) for k, v in self.results.items()}}.items():
            if not all(math.isfinite(value) for value in values):
                raise self._bad(f"{key} has a value that is not finite", "log finite numbers")
        for figure in self.figures:
            if not figure.is_file():
                raise self._bad(f"the figure {figure} is not there", "write it before logging")

    def _bad(self, found: str, remedy: str) -> RegistryRefusedError:
        return RegistryRefusedError(f"log the training {self.name!r}", found, remedy)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredVersion:
    """One version of a policy in the registry."""

    policy: str
    version: int
    digest: str
    run_id: str | None
    """None: it was not trained here (the bundle that ships with joulepilot)."""
    lake_version: int | None
    evaluation_set: str
    git_commit: str
    release_sequence: int | None
    """The entry of the release log that last put it in force; None: it never was."""
    aliases: tuple[str, ...]
    created: datetime
    description: str


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where a version comes from."""

    version: RegisteredVersion
    run_name: str | None
    inputs: tuple[str, ...]
    """Data it learned from, in words."""
    champion_digest: str | None
    """Of the bundle it was trained from."""
    metrics: Mapping[str, float]
    scored_on: str | None = None
    """SHA-256 of the evaluation set of the scores among `metrics`; None: there are none."""


@dataclass(frozen=True, slots=True)
class MirrorReport:
    """What mirroring a release changed in the registry."""

    champion: int | None
    """The version that is champion now; None: the release has no such policy."""
    champion_before: int | None
    """The version the alias named before: another one means it moved, or was moved by hand."""
    challenger: int | None


def summary(scores: Scores) -> dict[str, float]:
    """Means over the cases; regret over those that keep the target, missing it being cheap."""
    cases = scores.cases
    kept = [case.regret for case in cases if not case.violated]
    figures = {"n_cases": float(len(cases))}
    if cases:
        figures |= {
            "violated_share": statistics.fmean(case.violated for case in cases),
            "probes_mean": statistics.fmean(case.probes for case in cases),
            "unsafe_probes_mean": statistics.fmean(case.unsafe_probes for case in cases),
            "power_mean_w": statistics.fmean(case.power_w for case in cases),
        }
    if kept:
        figures["regret_mean"] = statistics.fmean(kept)
    return figures
