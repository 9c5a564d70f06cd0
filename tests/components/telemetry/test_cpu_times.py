from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.telemetry.cpu_times import ProcStat, cpu_utilization
from components.telemetry.errors import ReadingError

if TYPE_CHECKING:
    from pathlib import Path

STAT = """\
cpu  30 30 30 30 30 30 30 30 30 30
cpu0 1 2 4 1000 2000 8 16 32 500 600
cpu10 100 0 0 0 0 0 0 0 0 0
intr 5 0 0
ctxt 12
"""


def test_busy_is_all_but_idle_and_iowait_and_guests_once(tmp_path: Path) -> None:
    (tmp_path / "stat").write_text(STAT)
    tick_s = 1 / os.sysconf("SC_CLK_TCK")
    assert ProcStat(tmp_path).busy_s() == {
        0: pytest.approx(63 * tick_s),
        10: pytest.approx(100 * tick_s),
    }


def test_this_machine_is_busy_when_we_are() -> None:
    before = ProcStat().busy_s()
    end_s = time.process_time() + 0.3
    while time.process_time() < end_s:
        pass
    after = ProcStat().busy_s()
    assert sum(after.values()) - sum(before.values()) >= 0.2


@pytest.mark.parametrize("text", ["", "cpu 1 2 3", "cpu0 1 2", "cpu0 a b c d e f g h"])
def test_another_format_is_an_error_not_a_zero(tmp_path: Path, text: str) -> None:
    (tmp_path / "stat").write_text(text)
    with pytest.raises(ReadingError, match="stat"):
        ProcStat(tmp_path).busy_s()


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ReadingError, match="FileNotFoundError"):
        ProcStat(tmp_path).busy_s()


def test_utilization_is_the_share_of_the_time() -> None:
    found = cpu_utilization({1: 5.0, 0: 5.0}, {0: 7.5, 1: 5.0}, 10.0)
    assert found == {0: 0.25, 1: 0.0}
    assert list(found) == [0, 1]


def test_cpus_that_came_or_went_are_left_out() -> None:
    assert cpu_utilization({0: 0.0, 1: 0.0}, {1: 1.0, 2: 1.0}, 2.0) == {1: 0.5}


@given(
    st.floats(0.01, 100),
    st.floats(-0.05, 1.0),
)
def test_utilization_is_always_within_0_and_1(elapsed_s: float, share: float) -> None:
    busy_s = share * elapsed_s + 0.04 if share > 0.9 else max(share, 0) * elapsed_s
    found = cpu_utilization({0: 0.0}, {0: busy_s}, elapsed_s)
    assert 0 <= found[0] <= 1


@pytest.mark.parametrize(("busy_s", "elapsed_s"), [(-1.0, 2.0), (3.0, 2.0), (1.0, 0.0)])
def test_what_cannot_be_is_an_error(busy_s: float, elapsed_s: float) -> None:
    with pytest.raises(ReadingError):
        cpu_utilization({0: 0.0}, {0: busy_s}, elapsed_s)
