"""Bundles are judged on any table: without energy, with empty cells, and not on no rows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from components.policy.device_policies import DevicePolicy
from models.device_classifier.bundling_scores import (
    cases_of,
    figures,
    score_classifier,
    score_static,
)
from models.device_classifier.errors import DeviceTableError

if TYPE_CHECKING:
    from components.policy.device_bundle import DeviceClassifier
    from models.device_classifier.table import DeviceTable


def test_without_energy_latency_is_what_counts(
    table: DeviceTable, classifier: DeviceClassifier
) -> None:
    bare = {name: values for name, values in table.measured.items() if name != "energy"}
    cases = cases_of(replace(table, measured=bare))
    found = figures(score_classifier(classifier, cases))

    assert cases.policy is DevicePolicy.LATENCY
    assert found["missed_share"] == 0.0
    assert found["regret_mean"] < figures(score_static(cases))["regret_mean"]


def test_an_unmeasured_choice_counts_as_the_worst_and_a_miss(table: DeviceTable) -> None:
    holes = {name: values.copy() for name, values in table.measured.items()}
    for values in holes.values():
        values[:, table.devices.index("dgpu")] = np.nan
    cases = cases_of(replace(table, measured=holes))
    gpu_only = [s for s in (score_static(cases),) if s.policy == "always dgpu"]

    assert not gpu_only
    assert len(cases.rows) > 0


def test_a_table_without_a_held_out_row_is_refused(table: DeviceTable) -> None:
    with pytest.raises(DeviceTableError, match="fold 0"):
        cases_of(replace(table, folds=np.ones_like(table.folds)))
