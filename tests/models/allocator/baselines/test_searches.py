"""What each way of searching is known for, on nodes whose best is known."""

from dataclasses import replace

import numpy as np

from components.jobs.candidate import Candidate
from components.node.placement import Layout
from models.allocator.arena import Decision, run
from models.allocator.baselines.acceptance import Confirmed
from models.allocator.baselines.binary_search import BinarySearch
from models.allocator.baselines.feedback import Feedback
from models.allocator.baselines.fixed import ALL_CPUS, HALF
from models.allocator.baselines.gaussian_process import BayesianOptimisation
from models.allocator.baselines.hill_climbing import HillClimbing
from models.allocator.baselines.hindsight import oracle, static_best
from models.allocator.baselines.random_probes import RandomProbes
from models.allocator.baselines.regression import Regression
from models.allocator.baselines.scaling_laws import ScalingLaw, amdahl, fit_not_negative, universal
from models.allocator.baselines.vpa import VerticalAutoscaler

HALVING = BinarySearch("binary search", layouts=True)


def test_fixed_shares_read_nothing(make_case):
    case = make_case(20.0)
    assert run(ALL_CPUS, case).chosen.n_cpus == 32
    assert run(HALF, case).chosen.n_cpus == 16
    assert run(HALF, case).probes == 0


def test_the_oracle_has_no_regret(reference_case):
    result = run(oracle([reference_case]), reference_case)
    assert (result.exact, result.regret_whole_node) == (True, 0.0)


def test_the_static_best_keeps_the_strictest_target_that_can_be_kept(make_case):
    case = replace(make_case(20.0), node_targets_ms=(1.0, 9.0, 30.0))
    assert run(static_best([case]), case).chosen.n_cpus == 14  # 2 + 98/14 = 9


def test_binary_search_finds_the_fewest_in_as_many_probes_as_halvings(make_case):
    result = run(HALVING, make_case(9.0))
    assert result.exact
    assert result.probes == 6  # all 32, then 5 halvings


def test_binary_search_looks_at_the_other_layouts_last(layouts_case):
    compact_only = run(BinarySearch("compact", layouts=False), layouts_case)
    assert compact_only.chosen == Candidate(5, Layout.COMPACT)
    assert run(HALVING, layouts_case).chosen == Candidate(5, Layout.SPREAD)


def test_binary_search_is_led_astray_where_more_cpus_are_slower(make_case):
    case = make_case(9.0)
    slow = case.latency_ms.copy()
    slow[15] = 20.0  # 16 CPUs, the first halving
    assert run(HALVING, replace(case, latency_ms=slow)).chosen.n_cpus == 17


def test_hill_climbing_ends_at_the_best_of_a_smooth_slope(make_case):
    result = run(HillClimbing(), make_case(9.0))
    assert result.exact
    assert result.probes <= 20


def test_feedback_stays_where_the_slack_is_small(make_case):
    result = run(Feedback(), make_case(20.0))
    slack = 1.0 - (2.0 + 98.0 / result.chosen.n_cpus) / 20.0
    assert not result.violated
    assert 0.0 <= slack <= 0.35


def test_amdahl_is_exact_where_amdahl_holds(make_case):
    for until_met in (False, True):
        result = run(ScalingLaw("Amdahl", amdahl, until_met=until_met), make_case(12.5))
        assert result.exact
    assert result.probes == 5


def test_a_law_that_is_too_hopeful_climbs_until_the_target_is_met(make_case):
    case = make_case(12.5)
    slow = case.latency_ms.copy()
    slow[:12] *= 1.3  # up to 12 CPUs
    bent = replace(case, latency_ms=slow)
    assert run(ScalingLaw("USL", universal, until_met=False), bent).violated
    assert not run(ScalingLaw("USL", universal, until_met=True), bent).violated


def test_weights_are_never_below_zero():
    x = np.asarray([1.0, 2.0, 4.0, 8.0])
    weights = fit_not_negative(amdahl(x), 10.0 / x - 1.0)
    assert (weights >= 0.0).all()
    np.testing.assert_allclose(fit_not_negative(amdahl(x), 3.0 + 10.0 / x), [3.0, 10.0])


def test_gaussian_processes_come_near_the_best_of_the_reference_node(reference_case):
    result = run(BayesianOptimisation(), reference_case)
    assert not result.violated
    assert result.regret_whole_node < 0.03
    assert result.probes <= 20


def test_gaussian_processes_stop_when_all_is_read(make_case):
    result = run(BayesianOptimisation(least_improvement=0.0), make_case(30.0, n_cpus=6))
    assert result.exact
    assert result.probes <= 6


def test_regression_reads_twenty_and_its_choice(reference_case):
    result = run(Regression(), reference_case)
    assert result.probes in {20, 21}
    assert not result.violated


def test_sizing_by_use_knows_no_target(reference_case):
    strict, loose = (
        run(VerticalAutoscaler(), replace(reference_case, target_ms=t)) for t in (5.0, 50.0)
    )
    assert strict.chosen == loose.chosen


def test_sizing_by_use_keeps_all_where_all_are_busy(make_case):
    assert run(VerticalAutoscaler(), make_case(20.0)).chosen.n_cpus == 32


def test_a_confirmed_choice_gives_way_to_the_next_cheapest(make_case):
    case = make_case(9.3, noise=0.04)  # 13 CPUs take 9.54 ms
    plain = [run(HALVING, case, seed).violated for seed in range(40)]
    confirmed = [run(Confirmed(HALVING), case, seed) for seed in range(40)]
    assert sum(plain) >= 5
    assert sum(result.violated for result in confirmed) <= 1
    assert all(result.confirm_windows >= 10 for result in confirmed if not result.infeasible)


def test_who_promises_what_was_never_read_is_not_confirmed(make_case):
    class Blind:
        name = "blind"

        def decide(self, task, read, seed):
            read(task.candidates[0])
            return Decision(task.candidates[-1])

    assert run(Confirmed(Blind()), make_case(9.0)).infeasible


def test_random_probes_miss_no_target_after_confirmation(reference_case):
    case = replace(reference_case, noise=0.01)
    results = [run(RandomProbes(), case, seed) for seed in range(20)]
    assert not any(result.violated for result in results)
    assert {result.probes for result in results} == {7}
