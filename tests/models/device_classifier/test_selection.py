"""The choice among candidates follows regret, and is not fooled by luck."""

import numpy as np
import pytest

from models.device_classifier.candidates import STATIC
from models.device_classifier.comparison import Comparison
from models.device_classifier.scores import regrets_of
from models.device_classifier.selection import Choice, standard_error, weights_of
from models.device_classifier.selection import choose as choose_from

N_ROWS = 60


def choose(
    predicted: dict[str, np.ndarray], costing: frozenset[str], costs: np.ndarray, seed: int
) -> Choice:
    groups = np.arange(len(costs)).astype(str)
    return choose_from(Comparison(predicted, costing, costs, groups), seed)


def probabilities(chosen: np.ndarray) -> np.ndarray:
    return np.where(np.arange(2) == chosen[:, None], 0.9, 0.1)


def test_regret_decides_and_not_how_often_one_is_right() -> None:
    costs = np.tile([1.0, 1.01], (N_ROWS, 1))
    costs[::6] = [3.0, 1.0]
    safe = np.ones(N_ROWS, dtype=int)
    often_right = np.zeros(N_ROWS, dtype=int)
    predicted = {
        STATIC.name: probabilities(often_right),
        "safe": probabilities(safe),
        "often right": probabilities(often_right),
    }
    assert list(choose(predicted, frozenset(), costs, seed=0).members) == ["safe"]


def test_in_pure_noise_what_is_decided_is_no_worse_than_the_static_device() -> None:
    rng = np.random.default_rng(0)
    gaps = []
    for _ in range(40):
        costs = np.exp(0.3 * rng.normal(size=(N_ROWS, 2))) * [1.0, 1.1]
        guesses = {f"guess {i}": rng.integers(0, 2, size=2 * N_ROWS) for i in range(5)}
        guesses[STATIC.name] = np.zeros(2 * N_ROWS, dtype=int)
        seen = {name: probabilities(guess[:N_ROWS]) for name, guess in guesses.items()}
        members = choose(seen, frozenset(), costs, seed=0).members
        p = sum(w * probabilities(guesses[n][N_ROWS:]) for n, w in members.items())
        later = np.exp(0.3 * rng.normal(size=(N_ROWS, 2))) * [1.0, 1.1]
        regrets = regrets_of(later, np.argmax(p, axis=1))
        gaps.append(np.mean(regrets - regrets_of(later, guesses[STATIC.name][N_ROWS:])))
    assert np.mean(gaps) < 0.04  # any one of the guesses alone: 0.065


def test_equals_decide_together_and_who_is_far_behind_does_not() -> None:
    rng = np.random.default_rng(2)
    groups = np.repeat(np.arange(20), 3).astype(str)
    lost = {
        "one": rng.random(60),
        "other": rng.random(60),
        "far": 5.0 + rng.random(60),
    }
    weights = weights_of(lost, groups)
    assert set(weights) == {"one", "other"}
    assert sum(weights.values()) == pytest.approx(1.0)


def test_rows_of_one_group_count_as_one_when_noise_is_judged() -> None:
    values = np.repeat(np.random.default_rng(3).normal(size=30), 10)
    alone = standard_error(values, np.arange(300).astype(str))
    together = standard_error(values, np.repeat(np.arange(30), 10).astype(str))
    assert together == pytest.approx(alone * np.sqrt(10), rel=0.05)


def test_costs_that_are_predicted_well_win_and_say_so() -> None:
    rng = np.random.default_rng(1)
    costs = np.exp(rng.normal(size=(N_ROWS, 2)))
    predicted = {
        STATIC.name: probabilities(np.zeros(N_ROWS, dtype=int)),
        "costs": np.log(costs) + 0.01 * rng.normal(size=costs.shape),
    }
    choice = choose(predicted, frozenset({"costs"}), costs, seed=0)
    assert choice.members == {"costs": 1.0}
    assert choice.calibration(np.array([0.99]))[0] > 0.9
