"""No row of an outer fold, and no group, is on both sides of any split."""

from typing import Any

import numpy as np
import pytest

from models.device_classifier.inner_split import inner_parts
from models.device_classifier.table_file import read_table


@pytest.mark.parametrize("n_folds", [2, 3, 5])
def test_a_grouped_split_never_leaks(write_table: Any, random_rows: Any, n_folds: int) -> None:
    rows, facts = random_rows(0, n_rows=60, n_devices=2, n_features=2, missing=0.0)
    for row in rows:
        row["fold"] = int(row["group"][1:]) % n_folds
    table = read_table(write_table(rows, **facts))
    for fold in range(n_folds):
        outside = set(np.flatnonzero(table.folds != fold).tolist())
        parts = inner_parts(table, fold, seed=0)
        assert len(parts) >= 3
        assert set(np.concatenate([part.judged for part in parts]).tolist()) == outside
        for part in parts:
            assert set(part.learned.tolist()) | set(part.judged.tolist()) == outside
            assert not set(table.groups[part.learned]) & set(table.groups[part.judged])


def test_equal_keys_mean_equal_rows_learned_from(write_table: Any, random_rows: Any) -> None:
    rows, facts = random_rows(1, n_rows=60, n_devices=2, n_features=2, missing=0.0)
    table = read_table(write_table(rows, **facts))
    seen: dict[tuple[int, ...], list[int]] = {}
    for fold in range(5):
        for part in inner_parts(table, fold, seed=0):
            assert seen.setdefault(part.key, part.learned.tolist()) == part.learned.tolist()
    assert len(seen) == 10
