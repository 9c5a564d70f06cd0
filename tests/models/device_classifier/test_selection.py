"""The choice among candidates follows regret, and is not fooled by luck."""

import numpy as np

from models.device_classifier.candidates import STATIC
from models.device_classifier.comparison import Comparison
from models.device_classifier.selection import Choice
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
    assert choose(predicted, frozenset(), costs, seed=0).members == ("safe",)


def test_in_pure_noise_the_best_of_many_gives_way_to_the_static_device() -> None:
    rng = np.random.default_rng(0)
    n_static = 0
    for _ in range(20):
        costs = np.exp(0.3 * rng.normal(size=(N_ROWS, 2))) * [1.0, 1.1]
        predicted = {f"guess {i}": probabilities(rng.integers(0, 2, size=N_ROWS)) for i in range(5)}
        predicted[STATIC.name] = probabilities(np.zeros(N_ROWS, dtype=int))
        n_static += choose(predicted, frozenset(), costs, seed=0).members == (STATIC.name,)
    assert n_static >= 15


def test_costs_that_are_predicted_well_win_and_say_so() -> None:
    rng = np.random.default_rng(1)
    costs = np.exp(rng.normal(size=(N_ROWS, 2)))
    predicted = {
        STATIC.name: probabilities(np.zeros(N_ROWS, dtype=int)),
        "costs": np.log(costs) + 0.01 * rng.normal(size=costs.shape),
    }
    choice = choose(predicted, frozenset({"costs"}), costs, seed=0)
    assert choice.members == ("costs",)
    assert choice.calibration(np.array([0.99]))[0] > 0.9
