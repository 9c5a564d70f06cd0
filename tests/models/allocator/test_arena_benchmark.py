"""Our own search as a contender, the whole benchmark, and its figures."""

from dataclasses import replace

import numpy as np
import pytest

from components.madeup.errors import MadeUpError
from components.node.topology import grid_topology
from components.policy.brain import load_brain
from components.policy.default_bundle import default_bundle
from components.policy.manifest import PROBE_RULES
from components.policy.search_settings import SearchSettings
from models.allocator.arena import run
from models.allocator.arena_benchmark import benchmark, ours
from models.allocator.arena_cases import madeup_cases
from models.allocator.arena_figure import MOST_PROBES, draw_misses, draw_regret, regret_curve
from models.allocator.arena_policy import PolicyContender, topology_of
from models.allocator.arena_table import summarise
from models.allocator.baselines.hindsight import oracle

PNG = b"\x89PNG"


@pytest.fixture(scope="module")
def brain():
    return load_brain(default_bundle())


@pytest.fixture(scope="module")
def bout(brain):
    (bout,) = benchmark(brain, families=["usl"], noises=[0.003], n_nodes=6, seed=11)
    return bout


def test_all_rules_of_ours_take_part_and_one_that_may_risk_more(brain):
    own = brain.bundle.probe_rule
    assert [c.name for c in ours(brain)] == [
        f"ours, {own}",
        *(f"ours, {rule}" for rule in PROBE_RULES if rule != own),
        f"ours, {own}, allowed P ≥ 0.2 and 4 misses",
    ]


@pytest.mark.parametrize("number", [0, 1])
def test_ours_misses_no_target_and_keeps_its_limits(brain, number):
    for case in madeup_cases("usl", 10, 5, 0.003):
        result = run(ours(brain)[number], case)
        assert not result.violated
        assert result.probes <= 12
        assert result.confirm_windows >= 10 or result.infeasible


def test_ours_decides_where_only_the_counts_are_known(brain):
    case = replace(madeup_cases("usl", 1, 5, 0.0)[0], topology=None)
    result = run(PolicyContender(brain, "learned", SearchSettings(max_probes=3)), case)
    assert result.chosen in case.candidates
    assert result.probes <= 3


@pytest.mark.parametrize(("n_logical", "n_physical"), [(8, 8), (8, 4), (7, 4), (1, 1), (6, 2)])
def test_an_unknown_topology_has_room_for_every_count(n_logical, n_physical):
    (case,) = madeup_cases("usl", 1, 5, 0.0)
    task = replace(case.task, topology=None, n_logical=n_logical, n_physical=n_physical)
    assert topology_of(task).n_logical >= n_logical


def test_a_known_topology_is_taken_as_it_is():
    (case,) = madeup_cases("usl", 1, 5, 0.0)
    known = grid_topology(sockets=2, l3_per_socket=1, cores_per_l3=2, threads_per_core=1)
    assert topology_of(replace(case.task, topology=known)) is known


def test_made_up_cases_are_the_same_whatever_their_number_and_noise():
    few, many = madeup_cases("knots", 2, 3, 0.01), madeup_cases("knots", 4, 3, None)
    for one, other in zip(few, many, strict=False):
        assert (one.name, one.target_ms) == (other.name, other.target_ms)
        np.testing.assert_array_equal(one.latency_ms, other.latency_ms)
        assert (one.noise, one.power_noise) == (0.01, 0.005)


def test_an_unknown_family_is_named(brain):
    with pytest.raises(MadeUpError, match="'nowhere'"):
        list(benchmark(brain, families=["nowhere"], noises=[0.0], n_nodes=1))


def test_every_contender_decides_every_node(bout):
    summaries = summarise(bout.results)
    assert len(summaries) > 15
    assert {summary.n_cases for summary in summaries} == {6}


def test_progress_is_told_before_each_contender(brain):
    told = []
    bouts = benchmark(
        brain,
        families=["usl"],
        noises=[0.0],
        n_nodes=1,
        progress=lambda done, total, text: told.append((done, total, text)),
    )
    list(bouts)
    assert [done for done, _, _ in told] == list(range(told[0][1]))


def test_the_regret_curve_falls_from_all_cpus_to_the_best_probed(bout):
    cases = [case for case in bout.cases if case.feasible.any()]
    results = [
        replace(run(oracle([case]), case), probed=(case.candidates[-1], case.candidates[case.best]))
        for case in cases
    ]
    curve = regret_curve(cases, results)
    all_cpus = np.mean([case.power_w[-1] / case.power_w[case.best] - 1.0 for case in cases])
    assert len(curve) == MOST_PROBES + 1
    assert curve[0] == curve[1] == pytest.approx(all_cpus)
    assert curve[2:].max() == pytest.approx(0.0)


def test_both_figures_are_drawn(bout, tmp_path):
    for draw in (draw_regret, draw_misses):
        path = draw([bout, bout], tmp_path / "figure.png")
        assert path.read_bytes().startswith(PNG)
