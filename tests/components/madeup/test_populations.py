import numpy as np
import pytest

from components.errors import PermanentError
from components.jobs.candidate import Candidate
from components.madeup.populations import EVALUATION_FAMILIES, TRAINING_FAMILIES, draw
from components.madeup.surface import MadeUpSurface
from components.node.placement import Layout

FAMILIES = (*TRAINING_FAMILIES, *EVALUATION_FAMILIES)


@pytest.fixture(scope="module", params=FAMILIES)
def population(request: pytest.FixtureRequest) -> tuple[MadeUpSurface, ...]:
    return draw(request.param, 11, 300)


def _everything(surface: MadeUpSurface) -> tuple[np.ndarray, np.ndarray]:
    footprints = surface.table.footprints
    return surface.response.latency_ms(footprints), surface.response.power_w(footprints)


def test_every_value_is_a_positive_number(population: tuple[MadeUpSurface, ...]) -> None:
    for surface in population:
        for values in _everything(surface):
            assert np.isfinite(values).all()
            assert (values > 0).all()


def test_a_seed_gives_the_same_nodes_again_however_many_are_drawn() -> None:
    for family in FAMILIES:
        assert draw(family, 5, 4) == draw(family, 5, 9)[:4]
        assert draw(family, 5, 4) != draw(family, 6, 4)


def test_nodes_span_small_and_large(population: tuple[MadeUpSurface, ...]) -> None:
    sizes = np.array([s.topology.n_logical for s in population])
    assert sizes.min() <= 3
    assert sizes.max() >= 192
    assert {s.topology.n_sockets for s in population} == {1, 2, 4}
    assert {s.topology.n_logical // s.topology.n_physical for s in population} == {1, 2}


def test_most_targets_can_be_met_and_all_cpus_is_seldom_best(
    population: tuple[MadeUpSurface, ...],
) -> None:
    feasible, savings = 0, []
    for surface in population:
        latency, power = _everything(surface)
        meets = latency <= surface.target_ms
        feasible += bool(meets.any())
        if meets.any():
            savings.append(power[surface.topology.n_logical - 1] / power[meets].min())
    assert 0.94 < feasible / len(population) < 1.0
    assert np.median(savings) > 1.15


def test_layouts_matter_on_large_nodes(population: tuple[MadeUpSurface, ...]) -> None:
    large = [s for s in population if s.topology.n_sockets > 1 and s.topology.n_logical >= 32]
    for surface in large:
        n = surface.topology.n_physical // 2
        latency = surface.latency_ms([Candidate(n), Candidate(n, Layout.SPREAD)])
        assert latency[0] != latency[1]


def test_an_answer_does_not_depend_on_what_is_asked_beside_it(
    population: tuple[MadeUpSurface, ...],
) -> None:
    for surface in population[:40]:
        every = [Candidate(n + 1) for n in range(surface.topology.n_logical)]
        together = surface.latency_ms(every), surface.power_w(every)
        alone = surface.latency_ms(every[-1:]), surface.power_w(every[-1:])
        assert together[0][-1] == pytest.approx(alone[0][0])
        assert together[1][-1] == pytest.approx(alone[1][0])


def test_more_load_never_makes_a_job_faster(population: tuple[MadeUpSurface, ...]) -> None:
    for surface in population[:100]:
        more = surface.at_load(1.25)
        assert (_everything(more)[0] >= _everything(surface)[0] * (1 - 1e-12)).all()


def test_a_third_of_random_curves_turn_back() -> None:
    turning = 0
    population = draw("knots", 3, 600)
    for surface in population:
        knots = np.asarray(surface.response.log_latency)  # type: ignore[attr-defined]
        turning += bool((np.diff(knots) > 0).any())
    assert 0.27 < turning / len(population) < 0.40


def test_an_unknown_family_is_refused_with_the_known_ones() -> None:
    with pytest.raises(PermanentError, match="usl, tiles, stepped, knots"):
        draw("nonsense", 1, 1)


def test_more_cpus_than_the_node_has_are_refused() -> None:
    surface = draw("usl", 1, 1)[0]
    with pytest.raises(PermanentError, match="made-up node has"):
        surface.latency_ms([Candidate(surface.topology.n_logical + 1)])
