"""Interference: who is exposed to whom, and that sensitivities are learned from samples."""

from __future__ import annotations

import numpy as np
import pytest

from components.node.topology import grid_topology
from components.planning.interference import (
    EXPECTED_SENSITIVITY,
    Exposure,
    Neighbour,
    Sensitivity,
    exposures,
)

NODE = grid_topology(sockets=2, l3_per_socket=2, cores_per_l3=4, threads_per_core=2)


def test_jobs_on_different_sockets_do_not_feel_each_other() -> None:
    felt = exposures(
        NODE, {"a": Neighbour(frozenset({0, 1}), 1.0), "b": Neighbour(frozenset({8, 9}), 1.0)}
    )
    assert felt["a"] == felt["b"] == Exposure()


def test_what_is_shared_says_how_jobs_feel_each_other() -> None:
    felt = exposures(
        NODE,
        {
            "a": Neighbour(frozenset({0, 1}), 0.5),
            "same_l3": Neighbour(frozenset({2, 3}), 1.0),
            "sibling": Neighbour(frozenset({16}), 1.0),
        },
    )
    assert felt["a"].l3 == pytest.approx((2 + 1) / 4)
    assert felt["a"].smt == pytest.approx(1 / 2)
    assert felt["a"].memory == pytest.approx(3 / 8)
    assert felt["same_l3"].smt == 0


def test_sensitivities_are_learned_from_windows() -> None:
    rng = np.random.default_rng(0)
    true = (0.6, 0.9, 0.0)
    learned: Sensitivity = EXPECTED_SENSITIVITY
    for _ in range(200):
        felt = Exposure(*rng.uniform(0, 1, 3))
        ratio = float(np.dot(true, felt.parts)) + rng.normal(0, 0.02)
        learned = learned.learn(felt, ratio)
    assert learned.parts == pytest.approx(true, abs=0.03)
    assert learned.stretch(Exposure(l3=1.0)) == pytest.approx(np.exp(0.6), rel=0.03)


def test_a_window_without_neighbours_teaches_nothing() -> None:
    assert EXPECTED_SENSITIVITY.learn(Exposure(), 0.5) is EXPECTED_SENSITIVITY
