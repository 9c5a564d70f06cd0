"""What holds for every baseline."""

from dataclasses import replace

import pytest

from models.allocator.arena import run
from models.allocator.arena_cases import madeup_cases
from models.allocator.baselines.lineup import baselines

LOOKS_AT_NOTHING = {"all CPUs", "half of the CPUs", "Amdahl on 4", "USL on 4", "by use (VPA-like)"}
NUMBERS = range(19)


def test_names_are_different(reference_case):
    names = [contender.name for contender in baselines([reference_case])]
    assert len(names) == len(set(names)) == len(NUMBERS)


@pytest.mark.parametrize("number", NUMBERS)
def test_without_noise_no_one_who_reads_its_choice_misses_a_target(make_case, number):
    cases = [make_case(target_ms) for target_ms in (5.2, 8.0, 20.0, 51.1, 120.0)]
    contender = baselines(cases)[number]
    results = [run(contender, case) for case in cases]
    if contender.name not in LOOKS_AT_NOTHING:
        assert [result.violated for result in results] == [False] * 5
        assert [result.false_infeasible for result in results] == [False] * 5
    assert max(result.probes for result in results) <= 21


@pytest.mark.parametrize("number", NUMBERS)
def test_who_reads_says_when_a_target_is_out_of_reach(make_case, number):
    case = make_case(3.0)
    contender = baselines([case])[number]
    if contender.name not in {"all CPUs", "half of the CPUs", "by use (VPA-like)"}:
        result = run(contender, case)
        assert result.infeasible
        assert result.exact


@pytest.mark.parametrize("number", NUMBERS)
def test_the_same_seed_chooses_the_same(reference_case, number):
    case = replace(reference_case, noise=0.03, power_noise=0.015)
    contender = baselines([case])[number]
    first, second = (run(contender, case, seed=3) for _ in range(2))
    assert (first.chosen, first.probed) == (second.chosen, second.probed)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_node_with_one_candidate_is_decided(make_case, number):
    case = make_case(200.0, n_cpus=1)
    assert run(baselines([case])[number], case).exact


@pytest.mark.parametrize("number", NUMBERS)
def test_nodes_of_every_size_are_decided(number):
    cases = madeup_cases("tiles", 12, 7, 0.01)
    contender = baselines(cases)[number]
    assert all(run(contender, case).chosen in case.candidates for case in cases)
