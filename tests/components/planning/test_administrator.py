"""The administrator file: what it may say, and that mistakes are named by their line."""

from __future__ import annotations

from datetime import UTC, datetime, time
from pathlib import Path

import pytest

from components.node.frequency import FrequencyWish
from components.planning.administrator import (
    Administration,
    Hours,
    Weights,
    parse_administration,
    read_administration,
)
from components.planning.errors import AdministratorError

CPUS = frozenset(range(16))
WHERE = Path("administrator.toml")

GOOD = """
power-cap-w = 250
protected-cpus = "0-1"
never-touch = ["database"]
hours = "22:00-06:00"
most-moves-per-hour = 6

[weights]
energy = 1.0
carbon = 0.5

[priorities]
web = 10
"batch" = -1

[frequency]
governor = "schedutil"
most-mhz = 2400
"""


def test_everything_it_may_say_is_understood() -> None:
    assert parse_administration(GOOD, WHERE, CPUS) == Administration(
        power_cap_w=250.0,
        protected_cpus=frozenset({0, 1}),
        never_touch=frozenset({"database"}),
        hours=Hours(time(22), time(6)),
        most_moves_per_hour=6,
        weights=Weights(energy=1.0, carbon=0.5),
        priorities={"web": 10, "batch": -1},
        frequency=FrequencyWish(governor="schedutil", most_mhz=2400),
    )


def test_no_file_says_nothing(tmp_path: Path) -> None:
    assert read_administration(tmp_path / "none.toml", CPUS) == Administration()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("\n\npower-cap = 5", "line 3: 'power-cap' is unknown; the nearest is 'power-cap-w'"),
        (
            "\n[frequency]\ngovernr = 'x'",
            "line 3: frequency: 'governr' is unknown; the nearest is 'governor'",
        ),
        ("[frequency]\nmost-mhz = 2.4", "line 2: frequency: most-mhz = 2.4 is no whole number"),
        (
            "[frequency]\nmost-mhz = 900\nleast-mhz = 1000",
            "line 3: frequency: least-mhz is above most-mhz",
        ),
        ("power-cap-w = -1", "line 1: power-cap-w: -1 is not above 0"),
        ("power-cap-w = true", "line 1: power-cap-w: True is no number"),
        ("\nprotected-cpus = '0-99'", "line 2: protected-cpus"),
        ("protected-cpus = '0-15'", "not all"),
        ("protected-cpus = 'x'", "line 1"),
        ("hours = '9-17'", "22:00-06:00"),
        ("hours = '25:00-06:00'", "hour must be in"),
        ("most-moves-per-hour = 0", "whole number from 1 up"),
        ("[weights]\nenergy = 1\n\ncarbn = 2", "line 4: weights: 'carbn' is unknown"),
        ("[weights]\nenergy = 0", "all weights are 0"),
        ("[priorities]\nweb = 'high'", "line 2: priorities: web = 'high'"),
        ("never-touch = 'db'", "no list of names"),
        ("power-cap-w =", "line 1"),
    ],
)
def test_mistakes_are_named_by_their_line(text: str, found: str) -> None:
    with pytest.raises(AdministratorError) as error:
        parse_administration(text, WHERE, CPUS)
    assert found in str(error.value)
    assert "administrator.toml" in str(error.value)


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(AdministratorError) as error:
        parse_administration("power-cap-w = -1\nhours = 'x'\nsurprise = 1", WHERE, CPUS)
    assert all(f"line {n}" in str(error.value) for n in (1, 2, 3))


@pytest.mark.parametrize(
    ("hour", "holds"), [(23, True), (5, True), (6, False), (12, False), (22, True)]
)
def test_hours_may_go_over_midnight(hour: int, holds: bool) -> None:
    assert Hours(time(22), time(6)).holds(datetime(2027, 1, 1, hour, tzinfo=UTC)) is holds
    assert Hours(time(6), time(22)).holds(datetime(2027, 1, 1, hour, tzinfo=UTC)) is not holds
