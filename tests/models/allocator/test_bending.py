from __future__ import annotations

import numpy as np
import pytest

from components.madeup.populations import draw
from models.allocator.bending import bend
from models.allocator.surface_arrays import of_madeup


@pytest.fixture(scope="module")
def surfaces():
    return of_madeup(draw("usl", 3, 40), 3)


def test_the_share_that_is_not_bent_keeps_its_law(surfaces):
    bent = bend(surfaces, 1, 0.5)
    same = (bent.latency_log == surfaces.latency_log).all(axis=1)
    assert 8 < same.sum() < 32
    np.testing.assert_array_equal(bent.target_log[same], surfaces.target_log[same])
    np.testing.assert_array_equal(bent.power_log[same], surfaces.power_log[same])
    np.testing.assert_array_equal(bend(surfaces, 1, 0.0).latency_log, surfaces.latency_log)


def test_bent_ones_turn_about_the_widest_and_can_keep_their_targets(surfaces):
    bent = bend(surfaces, 2, 1.0)
    np.testing.assert_allclose(bent.latency_log[:, 0], surfaces.latency_log[:, 0], atol=1e-5)
    np.testing.assert_allclose(bent.power_log[:, 0], surfaces.power_log[:, 0], atol=1e-5)
    moved = np.abs(bent.latency_log - surfaces.latency_log)[surfaces.known]
    assert np.median(moved) > 0.01
    fastest = np.where(bent.known, bent.latency_log, np.inf).min(axis=1)
    assert (bent.target_log > fastest).all()
    assert np.isfinite(bent.power_log).all()


def test_the_same_seed_bends_alike(surfaces):
    np.testing.assert_array_equal(bend(surfaces, 4).latency_log, bend(surfaces, 4).latency_log)
    assert (bend(surfaces, 4).latency_log != bend(surfaces, 5).latency_log).any()
