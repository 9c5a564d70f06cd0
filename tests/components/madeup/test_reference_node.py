from dataclasses import asdict

import numpy as np
import pytest

from components.jobs.candidate import Candidate
from components.madeup.footprint import footprints_of
from components.madeup.reference_node import (
    PAPER_BEST_N_CPUS,
    ReferenceParameters,
    ReferenceResponse,
    best_candidate,
    best_n_cpus,
    jittered_parameters,
    latency_ms,
    power_w,
    reference_surface,
    reference_table,
)
from components.node.placement import Layout, place


@pytest.mark.parametrize(
    ("n_cpus", "expected_ms"),
    [
        (60, 5.037),
        (61, 4.963),
        (24, 7.052),
        (25, 6.806),
        (14, 10.298),
        (15, 9.927),
        (10, 15.112),
        (11, 14.046),
    ],
)
def test_latency_keeps_its_check_values(n_cpus: int, expected_ms: float) -> None:
    assert latency_ms(n_cpus) == pytest.approx(expected_ms, abs=5e-4)


@pytest.mark.parametrize(
    ("n_cpus", "expected_w"), [(61, 349.7), (25, 215.9), (15, 166.1), (11, 146.1)]
)
def test_power_keeps_its_check_values(n_cpus: int, expected_w: float) -> None:
    assert power_w(n_cpus) == pytest.approx(expected_w, abs=0.05)


def test_the_paper_s_ranges_are_covered() -> None:
    counts = np.arange(1, 101)
    latency, power = latency_ms(counts), power_w(counts)
    assert (power.min(), power.max()) == pytest.approx((90.0, 388.0), abs=0.01)
    assert (latency.min(), latency.max()) == pytest.approx((4.0, 115.0), abs=0.02)
    assert int((np.diff(latency) > 0).sum()) == 27


@pytest.mark.parametrize(("target_ms", "n_cpus"), list(PAPER_BEST_N_CPUS.items()))
def test_the_best_count_of_each_target_is_the_paper_s(target_ms: float, n_cpus: int) -> None:
    assert best_n_cpus(target_ms) == n_cpus


@pytest.mark.parametrize("seed", range(5))
def test_a_jittered_node_differs_by_at_most_3_percent_in_every_parameter(seed: int) -> None:
    usual, drawn = asdict(ReferenceParameters()), asdict(jittered_parameters(seed))
    assert drawn == asdict(jittered_parameters(seed))
    assert drawn != asdict(jittered_parameters(seed + 1))
    for name, value in usual.items():
        room = 0.03 if name != "tiles" else 0.03 + 0.5 / 14  # tiles are whole
        np.testing.assert_allclose(drawn[name], value, rtol=room)
        assert name == "tiles" or np.all(np.asarray(drawn[name]) != np.asarray(value))


def test_a_target_below_the_fastest_has_no_best_count() -> None:
    assert best_n_cpus(3.0) is None
    assert best_candidate(3.0, [Candidate(128), Candidate(64)]) is None


def test_over_all_layouts_the_best_is_at_least_as_good_as_compact() -> None:
    everything = [Candidate(n, layout) for layout in Layout for n in range(1, 129)]
    for target_ms, n_cpus in PAPER_BEST_N_CPUS.items():
        best = best_candidate(target_ms, everything)
        assert best is not None
        surface = reference_surface(target_ms)
        assert surface.latency_ms([best])[0] <= target_ms
        assert surface.power_w([best])[0] <= power_w(n_cpus)[0]


def test_spreading_over_sockets_wakes_more_and_is_slower() -> None:
    surface = reference_surface()
    compact, spread = Candidate(16), Candidate(16, Layout.SPREAD)
    assert surface.latency_ms([spread])[0] > surface.latency_ms([compact])[0]
    assert surface.power_w([spread])[0] > surface.power_w([compact])[0]


def test_which_socket_is_home_does_not_matter() -> None:
    topology = reference_table().topology
    first = frozenset(range(12))
    second = frozenset(range(32, 44))
    both = ReferenceResponse().latency_ms(footprints_of(topology, [first, second]))
    assert both[0] == pytest.approx(both[1])


def test_a_candidate_answers_like_the_cpus_it_is_placed_on() -> None:
    topology = reference_table().topology
    candidates = [Candidate(n, layout) for layout in Layout for n in (1, 9, 20, 33, 70, 128)]
    sets = [place(topology, c.n_cpus, c.layout) for c in candidates]
    placed = ReferenceResponse().latency_ms(footprints_of(topology, sets))
    np.testing.assert_allclose(placed, reference_surface().latency_ms(candidates))


def test_more_load_is_slower_and_never_draws_less() -> None:
    base, more = reference_surface(), reference_surface().at_load(1.25)
    candidates = [Candidate(n) for n in (5, 25, 90)]
    assert (more.latency_ms(candidates) > base.latency_ms(candidates)).all()
    assert (more.power_w(candidates) >= base.power_w(candidates)).all()
