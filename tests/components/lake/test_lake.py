from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from components.lake.delta import DeltaFolder
from components.lake.errors import LakeError
from components.lake.lake import Lake
from components.lake.schema import SAMPLE, SCHEMAS, Table
from components.telemetry.sample import SAMPLE_FIELDS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOW = datetime(2026, 5, 4, 3, 2, 1, 123_456, tzinfo=UTC)


def rows(table: Table, *given: dict[str, object]) -> pa.Table:
    return pa.Table.from_pylist(list(given), schema=SCHEMAS[table])


def test_the_table_has_the_fields_of_a_sample_in_its_order() -> None:
    assert tuple(SAMPLE.names) == SAMPLE_FIELDS
    for table in (Table.RAW, Table.SAMPLES, Table.QUARANTINE):
        assert tuple(SCHEMAS[table].names[: len(SAMPLE_FIELDS)]) == SAMPLE_FIELDS


def test_a_lake_that_was_never_written_is_empty_and_makes_no_folder(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    assert lake.version() is None
    frame = lake.samples()
    assert len(frame) == 0
    assert {"weight", *SAMPLE_FIELDS} <= set(frame.columns)
    assert lake.quarantine_counts().n_rows == 0
    assert len(lake.quarantine()) == 0
    assert not (tmp_path / "lake").exists()


def test_an_old_version_stays_readable(lake: Lake) -> None:
    for i in range(3):
        row = {"node": f"n{i}", "window_start": NOW, "weight": 1.0}
        assert lake.append(Table.SAMPLES, rows(Table.SAMPLES, row)) == i
    assert lake.version("samples") == 2
    assert list(lake.samples(version=1)["node"]) == ["n0", "n1"]
    assert len(lake.samples()) == 3


def test_times_keep_their_microseconds_and_their_zone(lake: Lake) -> None:
    lake.append(Table.SAMPLES, rows(Table.SAMPLES, {"window_start": NOW}))
    assert lake.samples()["window_start"][0].to_pydatetime() == NOW
    assert str(lake.samples()["window_start"].dtype) == "datetime64[us, UTC]"


def test_a_row_with_two_reasons_counts_once_in_each(lake: Lake) -> None:
    reasons: list[list[str]] = [["power_zero"], ["power_zero", "cpu_count"]]
    given = [{"row_id": str(i), "reasons": r, "findings": r} for i, r in enumerate(reasons)]
    lake.append(Table.QUARANTINE, rows(Table.QUARANTINE, *given))
    counts = lake.quarantine_counts()
    assert counts.n_rows == 2
    assert counts.by_reason == {"power_zero": 2, "cpu_count": 1}
    assert list(lake.quarantine()["reasons"][1]) == ["power_zero", "cpu_count"]


def test_joining_small_files_changes_no_row_and_breaks_no_old_version(tmp_path: Path) -> None:
    table = DeltaFolder(tmp_path / "t", pa.schema([("n", pa.int64())]))
    for i in range(5):
        table.append(pa.table({"n": [i]}), {})
    table.compact(above_files=5)
    assert table.version() == 4, "5 files are not above 5"
    table.compact(above_files=4)
    assert table.version() == 5
    assert sorted(table.read()["n"].to_pylist()) == [0, 1, 2, 3, 4]
    assert sorted(table.read(version=2)["n"].to_pylist()) == [0, 1, 2]


def _garbage_log(folder: Path) -> None:
    (folder / "_delta_log" / "00000000000000000000.json").write_text("garbage{")


def _garbage_rows(folder: Path) -> None:
    next(folder.glob("*.parquet")).write_bytes(b"garbage")


def _lost_rows(folder: Path) -> None:
    next(folder.glob("*.parquet")).unlink()


def _lost_log(folder: Path) -> None:
    for path in (folder / "_delta_log").iterdir():
        path.unlink()
    (folder / "_delta_log").rmdir()


@pytest.mark.parametrize("damage", [_garbage_log, _garbage_rows, _lost_rows, _lost_log])
def test_a_damaged_table_is_a_clear_error(damage: Callable[[Path], None], lake: Lake) -> None:
    lake.append(Table.SAMPLES, rows(Table.SAMPLES, {"node": "n"}))
    damage(lake.folder / "samples")
    with pytest.raises(LakeError) as caught:
        lake.samples()
    assert str(lake.folder / "samples") in caught.value.asked
    assert caught.value.found
    assert "restore" in caught.value.remedy


def test_a_table_whose_log_is_lost_is_not_begun_anew(lake: Lake) -> None:
    lake.append(Table.SAMPLES, rows(Table.SAMPLES, {"node": "n"}))
    _lost_log(lake.folder / "samples")
    with pytest.raises(LakeError, match="_delta_log"):
        lake.append(Table.SAMPLES, rows(Table.SAMPLES, {"node": "n"}))


def test_a_version_that_never_was_is_a_clear_error(lake: Lake) -> None:
    lake.append(Table.SAMPLES, rows(Table.SAMPLES, {"node": "n"}))
    with pytest.raises(LakeError, match="77"):
        lake.samples(version=77)
    with pytest.raises(LakeError):
        Lake(lake.folder / "elsewhere").samples(version=0)


def test_a_place_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "lake").write_text("a file where the lake should be")
    with pytest.raises(LakeError, match="asked to append"):
        Lake(tmp_path / "lake").append(Table.SAMPLES, rows(Table.SAMPLES, {"node": "n"}))
