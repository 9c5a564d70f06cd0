"""A check that could not be made, or was cut short, and the lake after it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import pytest

from components.lake.lake import Lake
from components.lake.schema import Table
from data_checks.checking import check
from data_checks.errors import BadDataError, ReportError
from data_checks.report import require_good

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pyarrow as pa

    MakeRow = Callable[..., dict[str, Any]]
    MakeRaw = Callable[..., pa.Table]


ZERO = {"node_power_w": 0.0}


@pytest.fixture
def page(tmp_path: Path) -> Path:
    return tmp_path / "reports" / "check.html"


def ids(lake: Lake, table: Table) -> set[str]:
    found = lake.read(table, columns=["row_id"])["row_id"].to_pylist()
    assert len(found) == len(set(found)), f"{table} has a row twice"
    return set(found)


def test_a_check_that_could_not_be_made_is_a_no_however_good_the_rows(
    monkeypatch: pytest.MonkeyPatch, lake: Lake, row: MakeRow, raw: MakeRaw, page: Path
) -> None:
    monkeypatch.setattr("data_checks.expectations._OBSERVED", ("no_such_column",))
    lake.append(Table.RAW, raw(row(0), row(1)))
    report = check(lake, report=page)
    assert (report.n_passed, report.bad_share) == (2, 0.0)
    assert not report.verdict
    assert "no_such_column" in report.verdict_reason
    with pytest.raises(BadDataError, match="no_such_column"):
        require_good(report)


def test_a_page_that_cannot_be_written_leaves_a_check_that_can_be_finished(
    lake: Lake, row: MakeRow, raw: MakeRaw, page: Path
) -> None:
    lake.append(Table.RAW, raw(*(row(i) for i in range(4)), row(4, **ZERO)))
    page.parent.write_text("a file where the folder should be")
    with pytest.raises(ReportError, match="asked to write the page"):
        check(lake, report=page)
    page.parent.unlink()
    report = check(lake, report=page)
    assert (report.n_checked, report.n_passed, report.n_quarantined) == (5, 4, 1)
    assert page.is_file()


class Killed(BaseException):
    """Stands for a kill: no handler of ours sees it."""


class DyingLake(Lake):
    """Dies before its n-th commit."""

    def __init__(self, folder: Path, n: int) -> None:
        super().__init__(folder)
        self._left = n

    def append(self, table: Table, rows: pa.Table, facts: Any = None) -> int:
        self._left -= 1
        if not self._left:
            raise Killed
        return super().append(table, rows, facts)


@pytest.mark.parametrize("commit", [1, 2, 3])
def test_cut_short_before_any_commit_and_run_again_it_counts_and_decides_the_same(
    commit: int, lake: Lake, row: MakeRow, raw: MakeRaw, page: Path
) -> None:
    rows = [*(row(i) for i in range(6)), row(6, **ZERO), row(7, **ZERO)]
    lake.append(Table.RAW, raw(*rows))
    with pytest.raises(Killed):
        check(DyingLake(lake.folder, commit), report=page)

    report = check(lake, report=page)

    assert (report.n_checked, report.n_passed, report.n_quarantined) == (8, 6, 2)
    assert (report.verdict, report.bad_share) == (False, 0.25)
    assert report.reasons == {"power_zero": 2}
    assert len(ids(lake, Table.SAMPLES)) == 6
    assert len(ids(lake, Table.QUARANTINE)) == 2
    assert check(lake, report=page).n_checked == 0


KILLED = textwrap.dedent(
    """
    import os, signal, sys
    from pathlib import Path
    from components.lake.lake import Lake
    from data_checks.checking import check

    class DyingLake(Lake):
        def append(self, table, rows, facts=None):
            version = super().append(table, rows, facts)
            os.kill(os.getpid(), signal.SIGKILL)
            return version

    check(DyingLake(Path(sys.argv[1])), report=Path(sys.argv[2]))
    """
)


def test_a_real_kill_after_the_first_commit_holds_no_lock_and_loses_no_row(
    lake: Lake, row: MakeRow, raw: MakeRaw, page: Path
) -> None:
    lake.append(Table.RAW, raw(*(row(i) for i in range(6)), row(6, **ZERO)))
    child = subprocess.run(
        [sys.executable, "-c", KILLED, str(lake.folder), str(page)],
        check=False,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert child.returncode == -signal.SIGKILL, child.stderr.decode()
    assert len(ids(lake, Table.SAMPLES)) == 6
    assert not ids(lake, Table.QUARANTINE)
    report = check(lake, report=page)
    assert (report.n_passed, report.n_quarantined) == (6, 1)


def test_tidying_comes_before_versions_are_named(
    monkeypatch: pytest.MonkeyPatch, lake: Lake, row: MakeRow, raw: MakeRaw, page: Path
) -> None:
    monkeypatch.setattr("components.lake.lake._COMPACT_ABOVE_FILES", 1)
    for i in range(2):
        lake.append(Table.RAW, raw(row(i)))
        report = check(lake, report=page)
    assert report.samples_version == lake.version() == 2, "two appends and one tidying"
    assert len(lake.samples(version=report.samples_version)) == 2
