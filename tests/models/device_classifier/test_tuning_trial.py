"""A device that becomes slower is noticed by what runs on the node, within a few requests."""

from pathlib import Path

import numpy as np

from models.device_classifier.benchmark import BenchmarkCase, case_table
from models.device_classifier.benchmark_figures import draw_tuning
from models.device_classifier.tuning_trial import BEFORE, TuningResult, TuningTrial, try_tuning


def test_a_device_twice_as_slow_costs_little_once_it_was_measured(tmp_path: Path) -> None:
    table = case_table(BenchmarkCase("roofline", "network", 60, 120))
    few = table.rows_of(np.flatnonzero(table.folds < 3))  # three folds are quicker
    result = try_tuning(few, TuningTrial("energy", slower=3.0, n_streams=2))
    later = slice(BEFORE + 20, None)
    assert np.mean(result.untuned[later]) > 0.05
    assert np.mean(result.tuned[later]) < np.mean(result.untuned[later]) / 2
    figure = draw_tuning(tmp_path / "tuning.png", BEFORE, result.tuned, result.untuned, "slower")
    assert figure.read_bytes().startswith(b"\x89PNG")


def test_when_regret_is_low_again_is_counted_from_the_change_on() -> None:
    quiet, loud = np.zeros(40), np.full(12, 0.5)
    result = TuningResult("d", np.concatenate([quiet, loud, np.zeros(68)]), np.zeros(120))
    assert result.n_to_recover == 12
    never = TuningResult("d", np.concatenate([quiet, np.full(80, 0.5)]), np.zeros(120))
    assert never.n_to_recover is None
    unhurt = TuningResult("d", np.zeros(120), np.zeros(120))
    assert unhurt.n_to_recover == 0
