from __future__ import annotations

import pytest

from components.executor.explain_targets import Option, other_targets, tell_other_targets

KNOWN = (
    Option("2 CPUs", 20.0, 50.0, is_measured=True),
    Option("4 CPUs", 11.0, 60.0, is_measured=True),
    Option("8 CPUs", 6.0, 80.0, is_measured=False),
    Option("8 CPUs spread", 5.9, 90.0, is_measured=False),
)


def test_the_cheapest_that_keeps_each_target_is_named() -> None:
    others = {other.target_ms: other.option for other in other_targets(10.0, KNOWN)}
    assert list(others) == pytest.approx([5.0, 7.0, 14.0, 20.0])
    assert [None if o is None else o.candidate for o in others.values()] == [
        None,
        "8 CPUs",
        "4 CPUs",
        "2 CPUs",
    ]


def test_it_is_told_with_what_is_measured_and_what_is_believed() -> None:
    lines = tell_other_targets(other_targets(10.0, KNOWN))
    assert lines[0] == "at another target:"
    assert "nothing here is believed to keep it" in lines[1]
    assert "8 CPUs, 6 ms, 80.0 W, predicted" in lines[2]
    assert "4 CPUs, 11 ms, 60.0 W, measured" in lines[3]


def test_without_predictions_nothing_is_said() -> None:
    assert other_targets(10.0, ()) == ()
    assert tell_other_targets(()) == []
