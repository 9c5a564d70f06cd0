"""What was tuned is shown to an operator and forgotten when asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from components.executor.device_correction import NetworkCorrection, NodeCorrection
from components.executor.device_tuning import tuning, tuning_lines
from components.executor.wire import Command

if TYPE_CHECKING:
    from pathlib import Path


def ask(correction: NodeCorrection, **arguments: object) -> dict[str, object]:
    found: dict[str, object] = tuning(correction, Command("tuning", arguments))
    return found


@pytest.fixture
def correction(tmp_path: Path) -> NodeCorrection:
    made = NodeCorrection(tmp_path / "tuning.json", lambda: 1000.0)
    made.bind("d" * 64)
    for _ in range(30):
        NetworkCorrection(made, "net").observe("dgpu", 0.7)
        NetworkCorrection(made, "net").observe("cpu", 0.0)
    return made


def test_a_factor_is_told_for_each_device(correction: NodeCorrection) -> None:
    lines = tuning_lines(ask(correction))

    assert NetworkCorrection(correction, "net").shift("dgpu") == pytest.approx(0.7, abs=0.05)
    assert "dgpu     with net: takes" in lines
    assert "60 measurements" not in lines


def test_one_device_is_forgotten_and_the_other_kept(correction: NodeCorrection) -> None:
    result = ask(correction, reset=True, device="dgpu")

    assert result["forgotten"] == 2
    assert NetworkCorrection(correction, "net").shift("dgpu") == 0.0
    assert "cpu" in tuning_lines(result)


def test_everything_is_forgotten_for_good(correction: NodeCorrection, tmp_path: Path) -> None:
    ask(correction, reset=True)
    again = NodeCorrection(tmp_path / "tuning.json", lambda: 1000.0)
    again.bind("d" * 64)

    assert tuning_lines(ask(again)) == "nothing was tuned yet"


def test_absurd_measurements_teach_nothing(correction: NodeCorrection) -> None:
    before = NetworkCorrection(correction, "net").shift("dgpu")
    NetworkCorrection(correction, "net").observe("dgpu", 50.0)

    assert NetworkCorrection(correction, "net").shift("dgpu") == before
