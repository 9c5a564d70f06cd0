"""The soak: it runs as a program, and sees growth where there is some."""

from __future__ import annotations

import subprocess
import sys

import pytest

from components.executor.soak.__main__ import judge
from components.executor.soak.traces import Traces


def traces(n_ticks: int, *, rss_mib: float = 80.0, n_threads: int = 3) -> Traces:
    return Traces(n_ticks, rss_mib, 6, n_threads, 40_000, n_ticks / 1000)


def test_a_short_soak_tells_its_traces_as_a_table():
    command = [sys.executable, "-m", "components.executor.soak", "--ticks", "400", "--every", "200"]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    head, *rows = [line.split(",") for line in done.stdout.splitlines() if line[0] != "#"]
    assert head[:4] == ["n_ticks", "rss_mib", "n_descriptors", "n_threads"]
    assert [row[0] for row in rows] == ["200", "400"]
    assert all(40 < float(row[1]) < 200 for row in rows)


@pytest.mark.parametrize(
    ("last", "ratio"),
    [
        (traces(9_000, rss_mib=82.5), 0.9),
        (traces(9_000, n_threads=4), 0.9),
        (traces(9_000), 1.2),
    ],
    ids=["memory", "threads", "target"],
)
def test_what_grew_or_misses_its_target_does_not_pass(capsys, last, ratio):
    assert not judge([traces(1_000), traces(2_000), traces(3_000), last, last, last], ratio)
    assert "over 8000 ticks" in capsys.readouterr().out


def test_what_stays_as_it_was_passes(capsys):
    assert judge([traces(1_000 * at, rss_mib=80.0 + at % 2) for at in range(1, 9)], 0.99)
    assert "+0 threads" in capsys.readouterr().out
