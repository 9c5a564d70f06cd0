"""How a bundle does on rows it never saw, row by row, in the terms of the gate.

A case is one row of a table with a target: the policy is least energy among the devices that
meet the target, the one an executor asks; its `regret` and `power_w` are of joules a batch. Where
a table has no energy the policy is latency, and no target is missed.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from components.policy.device_policies import (
    ENERGY,
    LATENCY,
    DeviceChoice,
    DevicePolicy,
    choose_device,
)
from components.policy.device_predictor import DevicePredictor
from components.releases.scores import CaseScore, Scores
from models.device_classifier.errors import DeviceTableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.policy.device_bundle import DeviceClassifier
    from models.device_classifier.table import DeviceTable, FloatArray, IntArray

TARGETS = (1.2, 2.0, 5.0)
"""Targets of the cases, as factors of the latency of the fastest device, taken in turn."""
HELD_OUT = 0
"""The fold that is evaluated on; a classifier to be judged learns from the others."""


@dataclass(frozen=True, slots=True, eq=False)
class DeviceCases:
    """Rows of a table, each with a target; a device that was not measured costs without end.

    Attributes:
        table: of all rows; `rows` [N] those that count.
        targets_ms: [N] of one batch.
    """

    table: DeviceTable
    rows: IntArray
    targets_ms: tuple[float, ...]

    @property
    def objective(self) -> str:
        """What is to be as small as possible: energy, or latency where that was not measured."""
        return ENERGY if ENERGY in self.table.measured else LATENCY

    @property
    def policy(self) -> DevicePolicy:
        """What choices are asked for."""
        has_energy = self.objective == ENERGY
        return DevicePolicy.ENERGY_UNDER_TARGET if has_energy else DevicePolicy.LATENCY

    def costs(self, objective: str) -> FloatArray:
        """[N, D], infinite where nothing was measured."""
        measured = self.table.measured[objective][self.rows]
        return np.where(np.isnan(measured), np.inf, measured)

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
    """The held-out rows on which the fastest device of all is known in full.

    Raises:
        DeviceTableError: the table has no latency, or no such row.
    """
    measured = [table.measured[name] for name in (LATENCY, ENERGY) if name in table.measured]
    known = np.all([~np.isnan(each) for each in measured], axis=0)
    rows = np.flatnonzero((table.folds == HELD_OUT) & known.any(axis=1))
    if LATENCY not in table.measured or len(rows) == 0:
        raise DeviceTableError(
            f"asked to judge a device classifier on {table.name}",
            f"{len(rows)} rows of fold {HELD_OUT} have latency and what else was measured",
            "measure more networks: joulepilot device characterise",
        )
    fastest = np.where(known[rows], table.measured[LATENCY][rows], np.inf).min(axis=1)
    targets = [TARGETS[i % len(TARGETS)] * ms for i, ms in enumerate(fastest.tolist())]
    return DeviceCases(table, rows, tuple(targets))


def choices_of(classifier: DeviceClassifier, cases: DeviceCases) -> list[DeviceChoice]:
    """What the bundle itself, by its graphs, chooses on every case.

    Raises:
        PolicyError: it was made for other features or devices.
    """
    facts = classifier.brain.facts
    table = cases.table
    columns = np.array([table.feature_names.index(name) for name in facts.feature_names])
    features = np.nan_to_num(table.features[np.ix_(cases.rows, columns)])
    outlooks = DevicePredictor(classifier.brain).expected_rows(features)
    return [
        choose_device(
            outlook.devices,
            cases.policy,
            sure_from=facts.sure_from[cases.objective],
            target_ms=target_ms,
            is_strange=outlook.is_strange,
        )
        for outlook, target_ms in zip(outlooks, cases.targets_ms, strict=True)
    ]


def score_classifier(classifier: DeviceClassifier, cases: DeviceCases) -> Scores:
    """Score what the bundle itself chooses on every case.

    Raises:
        PolicyError: it was made for other features or devices.
    """
    chosen = [choice.device for choice in choices_of(classifier, cases)]
    return _scored(classifier.digest[:12], cases, chosen)


def best_devices(cases: DeviceCases) -> list[str]:
    """The device of each case that costs least of those that meet its target."""
    limits = np.array(cases.targets_ms if cases.objective == ENERGY else np.inf)
    meets = cases.costs(LATENCY) <= limits.reshape(-1, 1)
    best = np.where(meets, cases.costs(cases.objective), np.inf).argmin(axis=1)
    return [cases.table.devices[column] for column in best]


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
    table, latency, costs = cases.table, cases.costs(LATENCY), cases.costs(cases.objective)
    scored = []
    for i, (device, target_ms) in enumerate(zip(chosen, cases.targets_ms, strict=True)):
        column = table.devices.index(device)
        meets = latency[i] <= (target_ms if cases.objective == ENERGY else np.inf)
        least = float(costs[i][meets].min())
        is_known = bool(np.isfinite(costs[i, column]))
        spent = float(costs[i, column] if is_known else costs[i][np.isfinite(costs[i])].max())
        scored.append(
            CaseScore(
                case=str(table.rows[cases.rows[i]]),
                regret=spent / least - 1.0,
                violated=not (is_known and meets[column]),
                probes=0,
                unsafe_probes=0,
                power_w=spent,
            )
        )
    return Scores(policy, cases.digest, tuple(scored))


def _n_missed(scores: Scores) -> int:
    return sum(case.violated for case in scores.cases)


def _mean_regret(scores: Scores) -> float:
    kept = [case.regret for case in scores.cases if not case.violated]
    return float(np.mean(kept)) if kept else float("inf")
