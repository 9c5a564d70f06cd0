from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.policy.lookahead import CAPTURED, value_ahead


def value(saving, p_feasible, candidate, misses_left=2.0, probes_left=1e9):
    """Of one candidate of one search; a window proves what is so."""
    p_feasible = np.asarray([p_feasible], dtype=float)
    return float(
        value_ahead(
            np.asarray([saving], dtype=float),
            p_feasible,
            p_feasible,
            np.asarray([misses_left]),
            np.asarray([probes_left]),
            np.asarray([[candidate]]),
        )[0, 0]
    )


def test_a_lone_candidate_is_worth_its_saving_as_often_as_it_keeps_the_target():
    assert value([0.2], [0.7], 0) == pytest.approx(0.14)


def test_what_a_step_leads_to_counts_as_far_as_it_is_captured_later():
    alone = value([0.1], [0.9], 0)
    # the second step is kept half of the time, and only where the first was
    both = value([0.1, 0.3], [0.9, 0.5], 0)
    assert both == pytest.approx(alone + CAPTURED[2] * 0.5 * 0.2)


def test_a_leap_loses_what_lies_before_it_when_it_was_the_last_miss_allowed():
    saving, chance = [0.1, 0.3], [0.99, 0.5]
    assert value(saving, chance, 0, misses_left=1.0) > value(saving, chance, 1, misses_left=1.0)
    lost = 0.49 * 0.1
    gap = value(saving, chance, 1, misses_left=2.0) - value(saving, chance, 1, misses_left=1.0)
    assert gap == pytest.approx(CAPTURED[1] * lost)


def test_the_last_probe_is_worth_only_what_it_saves_itself():
    assert value([0.1, 0.3], [0.9, 0.5], 0, probes_left=1.0) == pytest.approx(0.09)


def test_what_may_not_be_probed_is_worth_nothing():
    assert value([0.0, 0.3], [0.9, 0.5], 0) == 0.0


@given(st.integers(0, 10_000), st.integers(1, 12))
def test_nothing_is_worth_more_than_all_that_may_be_saved(seed, n):
    rng = np.random.default_rng(seed)
    saving, chance = rng.uniform(0.0, 1.0, n), rng.uniform(0.0, 1.0, n)
    most = max(s * 1.0 for s in saving)
    values = [value(saving, chance, c, misses) for c in range(n) for misses in (1.0, 2.0)]
    assert all(0.0 <= v <= most + 1e-9 for v in values)
