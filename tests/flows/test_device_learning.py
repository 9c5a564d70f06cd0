"""Which table a device classifier learns from, and which nodes it may decide on."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
import pytest

from flows.device_learning import SIMULATED, classes_of, newest_table
from flows.device_tables import TABLES
from flows.errors import NoTableError
from models.device_classifier.table import DeviceTable

if TYPE_CHECKING:
    from pathlib import Path


def table(**facts: object) -> DeviceTable:
    one = np.ones((1, 1))
    return DeviceTable(
        name="t", rows=np.array(["0"]), groups=np.array(["g"]), folds=np.array([0]),
        feature_names=("layers",), features=one, devices=("cpu",), kinds=("cpu",),
        measured={"latency": one}, facts=facts,
    )  # fmt: skip


def test_a_classifier_is_made_for_the_nodes_its_table_names() -> None:
    recorded = table(source="recorded", node_class="epyc-2s")

    assert classes_of(recorded, ("*",)) == ("epyc-2s",)
    assert classes_of(recorded, ("mine", "yours")) == ("mine", "yours")
    assert classes_of(table(source="recorded"), ("*",)) == ("*",)


def test_what_was_learned_on_a_made_up_host_decides_on_no_real_one() -> None:
    assert classes_of(table(source="simulated"), ("*",)) == (SIMULATED,)


def test_the_newest_table_of_a_home_is_learned_from(tmp_path: Path) -> None:
    folder = tmp_path / TABLES
    folder.mkdir()
    for age_s, name in ((30, "new.csv"), (90, "old.csv")):
        (folder / name).touch()
        os.utime(folder / name, (1e9 - age_s, 1e9 - age_s))

    assert newest_table(tmp_path).name == "new.csv"


def test_without_a_table_it_is_said_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(NoTableError, match="joulepilot device characterise"):
        newest_table(tmp_path)
