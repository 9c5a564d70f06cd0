"""What a check makes of the rows that arrived."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from components.errors import PermanentError
from components.lake.lake import Lake
from components.lake.schema import SCHEMAS, Table
from components.telemetry.sample import SAMPLE_FIELDS
from data_checks.checking import check
from data_checks.errors import BadDataError
from data_checks.limits import Limits
from data_checks.report import require_good, summary_markdown
from data_checks.unjudged import unjudged

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


def test_every_row_goes_to_samples_or_to_quarantine(
    lake: Lake, row: MakeRow, raw: MakeRaw, page: Path
) -> None:
    rows = [row(i) for i in range(8)] + [row(8, **ZERO), row(9, target_ms=-1.0, n_cpus=9)]
    lake.append(Table.RAW, raw(*rows))

    report = check(lake, report=page)

    assert (report.n_checked, report.n_passed, report.n_quarantined) == (10, 8, 2)
    assert report.reasons == {"power_zero": 1, "target_not_positive": 1, "cpuset_size": 1}
    assert report.verdict
    assert (report.samples_version, report.quarantine_version) == (0, 0)
    assert ids(lake, Table.SAMPLES) == {one["row_id"] for one in rows[:8]}
    assert ids(lake, Table.QUARANTINE) == {one["row_id"] for one in rows[8:]}
    assert report.bodies == {rows[0]["body_sha256"]: 2}
    require_good(report)


def test_a_sample_passes_unchanged(lake: Lake, row: MakeRow, raw: MakeRaw, page: Path) -> None:
    lake.append(Table.RAW, raw(row(0)))
    check(lake, report=page)
    (before,) = lake.read(Table.RAW).to_pylist()
    (after,) = lake.read(Table.SAMPLES).to_pylist()
    kept = (*SAMPLE_FIELDS, "row_id", "body_sha256", "event_time", "ingested_at")
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}


def test_quarantine_keeps_the_row_and_says_why(
    lake: Lake, row: MakeRow, raw: MakeRaw, page: Path
) -> None:
    lake.append(Table.RAW, raw(row(0), row(1, **ZERO, n_cpus=9)))
    report = check(lake, report=page, max_bad_share=0.5)
    (kept,) = lake.read(Table.QUARANTINE).to_pylist()
    assert kept["reasons"] == ["cpuset_size", "power_zero"]
    assert kept["findings"] == ["cpuset 0-1; n_cpus 9", "node_power_w 0"]
    assert kept["window_start"] == row(1)["window_start"]
    assert {finding.code for finding in report.findings} == {"cpuset_size", "power_zero"}
    assert {finding.row_id for finding in report.findings} == {row(1, **ZERO, n_cpus=9)["row_id"]}


def test_contended_rows_count_less(lake: Lake, row: MakeRow, raw: MakeRaw, page: Path) -> None:
    rows = [row(i, contended=contended) for i, contended in enumerate((False, True, None))]
    lake.append(Table.RAW, raw(*rows))
    check(lake, report=page)
    assert list(lake.samples()["weight"]) == [1.0, 0.25, 1.0]


def test_too_much_bad_data_is_a_no_and_only_good_rows_are_samples(
    lake: Lake, row: MakeRow, raw: MakeRaw, page: Path
) -> None:
    lake.append(Table.RAW, raw(*(row(i) for i in range(3)), row(3, **ZERO)))
    report = check(lake, report=page)
    assert not report.verdict
    assert report.bad_share == 0.25
    assert len(ids(lake, Table.SAMPLES)) == 3
    with pytest.raises(BadDataError, match=r"power_zero \(1\)") as caught:
        require_good(report)
    assert str(page) in str(caught.value)
    assert isinstance(caught.value, PermanentError), "a retry cannot help"


def test_what_was_judged_is_not_judged_again_and_the_verdict_stands(
    lake: Lake, row: MakeRow, raw: MakeRaw, page: Path
) -> None:
    lake.append(Table.RAW, raw(row(0), row(1, **ZERO)))
    first = check(lake, report=page)
    again = check(lake, report=page)
    assert (first.n_checked, again.n_checked) == (2, 0)
    assert again.samples_version == first.samples_version
    assert not first.verdict
    assert not again.verdict, "nothing new is no reason to trust what was not trusted"

    lake.append(Table.RAW, raw(*(row(i) for i in range(2, 6))))
    third = check(lake, report=page)
    assert (third.n_checked, third.verdict) == (4, True)
    assert check(lake, report=page).verdict


def test_a_verdict_can_span_all_checks_since_a_moment(
    lake: Lake, row: MakeRow, raw: MakeRaw, page: Path
) -> None:
    before = datetime.now(UTC)
    lake.append(Table.RAW, raw(row(0), row(1, **ZERO)))
    check(lake, report=page)
    lake.append(Table.RAW, raw(row(2)))
    assert not check(lake, report=page, since=before).verdict, "1 of 3 is more than 20 %"
    after = datetime.now(UTC)
    lake.append(Table.RAW, raw(row(3)))
    assert check(lake, report=page, since=after).verdict
    assert not check(lake, report=page, since=before).verdict, "1 of 4, though nothing is new"


def test_before_anything_arrived_a_check_finds_nothing_and_makes_no_table(
    tmp_path: Path, page: Path
) -> None:
    report = check(Lake(tmp_path / "lake"), report=page)
    assert (report.n_checked, report.verdict, report.samples_version) == (0, True, None)
    assert "nothing has arrived" in report.verdict_reason
    assert not (tmp_path / "lake").exists()
    assert page.is_file()


def test_rows_that_could_not_be_read_go_to_quarantine_with_their_attributes(
    lake: Lake, row: MakeRow, raw: MakeRaw, page: Path
) -> None:
    unread = {
        "row_id": "ab",
        "body_sha256": "cd",
        "ingested_at": row(0)["ingested_at"],
        "decode_error": "latency_mean_ms is 'fast'",
        "attributes": '{"latency_mean_ms": "fast"}',
    }
    lake.append(Table.RAW, raw(*(row(i) for i in range(4)), unread))
    report = check(lake, report=page)
    assert report.reasons == {"undecodable": 1}
    (kept,) = lake.read(Table.QUARANTINE).to_pylist()
    assert kept["attributes"] == unread["attributes"]
    assert "fast" in kept["findings"][0]


def test_a_series_is_judged_across_checks(
    lake: Lake, row: MakeRow, raw: MakeRaw, page: Path
) -> None:
    def window(i: int) -> dict[str, Any]:
        return row(i, node_power_w=91.5, cpu_utilization=[0.15 * i] * 4)

    lake.append(Table.RAW, raw(*(window(i) for i in range(4))))
    assert check(lake, report=page).n_quarantined == 0
    lake.append(Table.RAW, raw(window(4), row(5)))
    assert check(lake, report=page).reasons == {"power_frozen": 1}


def test_a_row_of_another_time_neither_hides_nor_widens_the_context(
    lake: Lake, row: MakeRow, raw: MakeRaw, page: Path
) -> None:
    an_hour_before = row(-360)
    near = [row(i) for i in range(4)]
    lake.append(Table.RAW, raw(an_hour_before, *near))
    check(lake, report=page)
    stray = row(7, window_start=datetime(1970, 1, 1, tzinfo=UTC))
    lake.append(Table.RAW, raw(stray, row(5, cpu_utilization=[0.1, 0.2])))
    context = unjudged(lake, Limits()).context["row_id"].to_pylist()
    assert set(context) == {one["row_id"] for one in near}
    assert check(lake, report=page).reasons == {"window_stale": 1, "cpu_count": 1}


def test_five_thousand_rows_of_128_cpus_are_checked_in_seconds(
    lake: Lake, row: MakeRow, raw: MakeRaw, page: Path
) -> None:
    use = [i / 128 for i in range(128)]
    base = row(0, cpu_utilization=use, contended=False)
    rows = [
        {
            **base,
            "row_id": str(i),
            "window_start": base["window_start"] + timedelta(seconds=10 * i),
            "event_time": base["event_time"] + timedelta(seconds=10 * i),
            "node_power_w": 80.0 + i / 100 if i % 10 else 0.0,
        }
        for i in range(5000)
    ]
    lake.append(Table.RAW, raw(*rows))
    began_s = time.monotonic()
    report = check(lake, report=page)
    took_s = time.monotonic() - began_s
    assert (report.n_passed, report.n_quarantined) == (4500, 500)
    assert report.disagreements == ()
    assert took_s < 20, f"took {took_s:.1f} s"


def test_the_summary_is_a_table_a_person_can_read(
    lake: Lake, row: MakeRow, raw: MakeRaw, page: Path
) -> None:
    lake.append(Table.RAW, raw(*(row(i) for i in range(9)), row(9, **ZERO)))
    text = summary_markdown(check(lake, report=page))
    assert "| 10 | 9 | 1 | 10.0% | 0 |" in text
    assert "| `power_zero` | 1 | a machine that runs draws power" in text
    assert str(page) in text


def test_the_checks_table_remembers_every_completed_check(
    lake: Lake, row: MakeRow, raw: MakeRaw, page: Path
) -> None:
    for i in range(2):
        lake.append(Table.RAW, raw(row(i)))
        check(lake, report=page)
    rows = lake.read(Table.CHECKS).sort_by("raw_version").to_pylist()
    assert [(one["raw_version"], one["samples_version"], one["n_checked"]) for one in rows] == [
        (0, 0, 1),
        (1, 1, 1),
    ]
    assert set(rows[0]) == set(SCHEMAS[Table.CHECKS].names)
