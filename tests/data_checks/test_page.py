from __future__ import annotations

import re
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from data_checks.page import page, write_page
from data_checks.past import PastCheck
from data_checks.report import CheckReport, ExpectationVerdict, Finding

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
BODY = "b0d1" * 16


@pytest.fixture
def report(tmp_path: Path) -> CheckReport:
    finding = Finding(
        row_id="ab" * 32,
        node="node-a",
        job="<script>alert(1)</script>",
        window_start=NOW,
        body_sha256=BODY,
        code="power_zero",
        found="node_power_w 0",
        right="a machine that runs draws power",
    )
    return CheckReport(
        checked_at=NOW,
        n_checked=12_345,
        n_passed=12_000,
        n_quarantined=345,
        reasons={"power_zero": 345},
        bad_share=345 / 12_345,
        max_bad_share=0.2,
        verdict=True,
        verdict_reason="345 of 12345 rows are bad",
        raw_version=7,
        samples_version=41,
        quarantine_version=3,
        expectations=(
            ExpectationVerdict("power_zero", "n_powers_zero is 0", 12_345, 345, success=False),
            ExpectationVerdict("rate_range", "rates at least 0", 12_345, 0, success=True),
        ),
        findings=(finding,),
        disagreements=(),
        bodies={BODY: 345},
        report_path=tmp_path / "reports" / "check.html",
    )


def past(i: int) -> PastCheck:
    return PastCheck(
        checked_at=NOW.replace(day=i + 1),
        raw_version=i,
        samples_version=i,
        quarantine_version=None,
        n_checked=100,
        n_passed=90,
        n_quarantined=10,
        verdict=i % 2 == 0,
    )


def test_the_page_says_everything_a_person_needs(report: CheckReport) -> None:
    text = page(report, [past(i) for i in range(3)])
    for said in (
        "12,345", "12,000", "345", "2.8%", "raw 7", "samples 41", "quarantine 3", "power_zero",
        "a machine that runs draws power", "node_power_w 0", "abababababab", "node-a",
        "2026-05-04 03:02:01 UTC", BODY, "n_powers_zero is 0", "345 of 12,345", "rates at least 0",
        "Good enough", "2026-05-03", "stopped", "went on",
    ):  # fmt: skip
        assert said in text, said


def test_what_senders_write_is_text_and_never_markup(report: CheckReport) -> None:
    text = page(report, [])
    assert "<script" not in text
    assert "&lt;script&gt;" in text


def test_nothing_is_fetched_from_anywhere(report: CheckReport) -> None:
    text = page(report, [past(0)])
    assert not re.search(r"(src|href|url|@import)\s*[=(]", text)
    assert "://" not in text


def test_a_no_is_plain_to_see_and_so_is_a_disagreement(report: CheckReport) -> None:
    text = page(replace(report, verdict=False, disagreements=("power_zero: 2 and 3",)), [])
    assert "Stop: " in text
    assert "Good enough" not in text
    assert "power_zero: 2 and 3" in text
    assert "found the same rows" not in text


def test_a_check_that_found_nothing_new_has_a_page_too(report: CheckReport) -> None:
    empty = replace(
        report, n_checked=0, n_passed=0, n_quarantined=0, reasons={}, findings=(), bodies={},
        expectations=(), samples_version=None,
    )  # fmt: skip
    assert "samples none" in page(empty, [past(0)])


def test_the_page_replaces_the_one_before_and_leaves_nothing_beside_it(
    report: CheckReport,
) -> None:
    write_page(replace(report, verdict_reason="the first"), [])
    write_page(replace(report, verdict_reason="the second"), [])
    assert "the second" in report.report_path.read_text(encoding="utf-8")
    assert list(report.report_path.parent.iterdir()) == [report.report_path]


@pytest.mark.browser
def test_a_browser_shows_it_and_asks_nobody(report: CheckReport) -> None:
    from playwright.sync_api import sync_playwright

    write_page(report, [past(i) for i in range(3)])
    address = report.report_path.as_uri()
    asked: list[str] = []
    troubles: list[str] = []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND"],
        )
        tab = chromium.new_page(viewport={"width": 1200, "height": 800})
        tab.on("request", lambda request: asked.append(request.url))
        tab.on("console", lambda message: troubles.append(message.text))
        tab.goto(address)
        assert tab.locator("h1").inner_text() == "Check of samples"
        assert tab.get_by_text("rates at least 0").is_hidden(), "what was met is folded away"
        tab.get_by_text("1 that were met").click()
        assert tab.get_by_text("rates at least 0").is_visible()
        wide = tab.evaluate("document.documentElement.scrollWidth > window.innerWidth")
        chromium.close()
    assert asked == [address]
    assert troubles == []
    assert not wide
