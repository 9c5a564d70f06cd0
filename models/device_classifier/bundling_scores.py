"""How a bundle does on rows it never saw, row by row, in the terms of the gate.

A case is one row of a table with a target: the policy is least energy among the devices that
meet the target, the one an executor asks. Its `regret` and `power_w` are of joules a batch.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from components.policy.device_policies import (
    ENERGY,
    LATENCY,
    DevicePolicy,
    choose_device,
)
from components.policy.device_predictor import DevicePredictor
from components.releases.scores import CaseScore, Scores

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.policy.device_bundle import DeviceClassifier
    from models.device_classifier.table import DeviceTable, IntArray

TARGETS = (1.2, 2.0, 5.0)
"""Targets of the cases, as factors of the latency of the fastest device, taken in turn."""
HELD_OUT = 0
"""The fold that is evaluated on; a classifier to be judged learns from the others."""


@dataclass(frozen=True, slots=True, eq=False)
class DeviceCases:
    """Rows of a table that every device was measured on, each with a target.

    Attributes:
        table: of all rows; `rows` [N] those that count.
        targets_ms: [N] of one batch.
    """

    table: DeviceTable
    rows: IntArray
    targets_ms: tuple[float, ...]

    @property
    def digest(self) -> str:
        """SHA-256 over features, measurements and targets."""
        known = hashlib.sha256(self.table.name.encode())
        for each in (self.table.features, *self.table.measured.values()):
            known.update(np.ascontiguousarray(each[self.rows]).tobytes())
        known.update(np.array(self.targets_ms).tobytes())
        return known.hexdigest()


def without_held_out(table: DeviceTable) -> DeviceTable:
    """What a classifier to be judged may learn from: the folds that are not held out."""
    kept = table.folds != HELD_OUT
    return replace(
        table,
        rows=table.rows[kept],
        groups=table.groups[kept],
        folds=table.folds[kept],
        features=table.features[kept],
        measured={name: values[kept] for name, values in table.measured.items()},
    )


def cases_of(table: DeviceTable) -> DeviceCases:
    """The held-out rows on which latency and energy of every device are known."""
    held = table.folds == HELD_OUT
    for objective in (LATENCY, ENERGY):
        held &= ~np.isnan(table.measured[objective]).any(axis=1)
    rows = np.flatnonzero(held)
    fastest = table.measured[LATENCY][rows].min(axis=1)
    targets = [TARGETS[i % len(TARGETS)] * ms for i, ms in enumerate(fastest.tolist())]
    return DeviceCases(table, rows, tuple(targets))


def score_classifier(classifier: DeviceClassifier, cases: DeviceCases) -> Scores:
    """What the bundle itself, by its graphs, chooses on every case.

    Raises:
        PolicyError: it was made for other features or devices.
    """
    facts = classifier.brain.facts
    table = cases.table
    columns = np.array([table.feature_names.index(name) for name in facts.feature_names])
    features = np.nan_to_num(table.features[np.ix_(cases.rows, columns)])
    outlooks = DevicePredictor(classifier.brain).expected_rows(features)
    chosen = [
        choose_device(
            outlook.devices,
            DevicePolicy.ENERGY_UNDER_TARGET,
            sure_from=facts.sure_from[ENERGY],
            target_ms=target_ms,
            is_strange=outlook.is_strange,
        ).device
        for outlook, target_ms in zip(outlooks, cases.targets_ms, strict=True)
    ]
    return _scored(classifier.digest[:12], cases, chosen)


def score_static(cases: DeviceCases) -> Scores:
    """The one device for everything that does best: fewest misses, then least regret."""
    each = [
        _scored(f"always {device}", cases, [device] * len(cases.rows))
        for device in cases.table.devices
    ]
    return min(each, key=lambda scores: (_n_missed(scores), _mean_regret(scores)))


def figures(scores: Scores) -> dict[str, float]:
    """What a manifest says of how a bundle did."""
    cases = scores.cases
    return {
        "n_cases": float(len(cases)),
        "missed_share": _n_missed(scores) / max(len(cases), 1),
        "regret_mean": _mean_regret(scores),
        "best_share": sum(not c.violated and c.regret <= 0 for c in cases) / max(len(cases), 1),
    }


def _scored(policy: str, cases: DeviceCases, chosen: Sequence[str]) -> Scores:
    table = cases.table
    latency = table.measured[LATENCY][cases.rows]
    energy = table.measured[ENERGY][cases.rows]
    scored = []
    for i, (device, target_ms) in enumerate(zip(chosen, cases.targets_ms, strict=True)):
        column = table.devices.index(device)
        least_j = float(energy[i][latency[i] <= target_ms].min())
        spent_j = float(energy[i, column])
        scored.append(
            CaseScore(
                case=str(table.rows[cases.rows[i]]),
                regret=spent_j / least_j - 1.0,
                violated=bool(latency[i, column] > target_ms),
                probes=0,
                unsafe_probes=0,
                power_w=spent_j,
            )
        )
    return Scores(policy, cases.digest, tuple(scored))


def _n_missed(scores: Scores) -> int:
    return sum(case.violated for case in scores.cases)


def _mean_regret(scores: Scores) -> float:
    kept = [case.regret for case in scores.cases if not case.violated]
    return float(np.mean(kept)) if kept else float("inf")
