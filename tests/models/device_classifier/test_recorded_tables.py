"""What ships as recorded is what it says: many networks, measured, on a named node."""

import json
from pathlib import Path

import numpy as np
import pytest

import models.device_classifier
from models.device_classifier.table_file import read_table

FOLDER = Path(models.device_classifier.__file__).parent / "recorded"
TABLES = sorted(FOLDER.glob("*.csv"))


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)
def test_a_recorded_table_holds_many_networks_and_says_how_it_was_made(path: Path) -> None:
    table = read_table(path)
    facts = json.loads(path.with_suffix(".json").read_text())
    named = [row.split(",")[1] for row in path.read_text().splitlines()[1:]]
    networks, counts = np.unique(named, return_counts=True)
    assert facts["source"] == "recorded"
    assert len(networks) >= 40
    assert counts.min() >= 6
    assert len(table.devices) >= 4
    assert set(facts["energy_source"].values()) <= {"measured", "attributed", "modelled"}
    assert facts["command"].startswith("joulepilot device characterise")
    assert "/" not in facts["command"].replace("models/device_classifier/recorded", "")
    assert facts["contended_kept"] == 0
    assert path.stat().st_size + path.with_suffix(".json").stat().st_size < 300_000


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)
def test_no_structure_is_in_two_folds_of_a_recorded_table(path: Path) -> None:
    table = read_table(path)
    by_group: dict[str, set[int]] = {}
    for group, fold in zip(table.groups, table.folds, strict=True):
        by_group.setdefault(str(group), set()).add(int(fold))
    assert all(len(folds) == 1 for folds in by_group.values())
    assert set(table.folds.tolist()) == {0, 1, 2, 3, 4}


def test_a_recorded_table_ships() -> None:
    assert TABLES
