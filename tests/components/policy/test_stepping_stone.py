from __future__ import annotations

import numpy as np
import pytest

from components.jobs.candidate import Candidate
from components.node.topology import grid_topology
from components.policy.belief import Forecast, believe
from components.policy.evidence import Readings, add_readings, judge, no_evidence
from components.policy.features import candidate_features
from components.policy.rows import Situation, Spent
from components.policy.stepping_stone import stepping_stone

NODE = grid_topology(sockets=1, l3_per_socket=1, cores_per_l3=32, threads_per_core=1)
COUNTS = (32, 24, 16, 12, 8)
"""All CPUs were read; 8 would save most, and 12 and 16 are likelier to keep the target."""
FEATURES = candidate_features(NODE, [Candidate(n) for n in COUNTS])


def situation(chance_of_others=0.6, saving=0.3, read=(0,), probes_left=5.0):
    """The target is 0 in log latency; candidates read keep it by far."""
    n = len(COUNTS)
    zeros, ones = np.zeros(1), np.ones(1)
    evidence = no_evidence(np.full(1, 0.01), n)
    for candidate in read:
        at, kept = (np.asarray([x]) for x in (candidate, -1.0))
        reading = Readings(np.asarray([0]), at, kept, zeros, ones, zeros > 0.0)
        evidence = add_readings(evidence, reading)
    slack = np.asarray([[1.0, 0.1, 0.1, 0.1, -0.05]])
    slack[:, 1:4] *= 1.0 if chance_of_others > 0.5 else -1.0
    power = np.asarray([[0.0, 0.01, 0.01, 0.01, -saving]])
    forecast = Forecast(-slack, np.full((1, n), 0.2), power, np.full((1, n), 1e-3))
    belief = believe(forecast, evidence, zeros)
    return Situation(
        belief=belief,
        evidence=evidence,
        verdicts=judge(evidence, zeros),
        spent=Spent(ones, zeros, ones + 1.0, np.asarray([probes_left])),
        n_cpus=np.asarray([COUNTS], dtype=np.float64),
        eligible=belief.p_feasible >= 0.5,
    )


def test_what_may_be_probed_and_is_most_like_the_wanted_one_is_the_stone():
    asked = situation()
    assert not asked.open[0, 4], "the one that would save may not be probed itself"
    assert stepping_stone(asked, FEATURES) == 3


def test_a_stone_may_be_probed_under_the_rule_of_the_search():
    assert stepping_stone(situation(chance_of_others=0.3), FEATURES) is None


def test_what_is_no_nearer_than_what_was_read_tells_nothing():
    assert stepping_stone(situation(read=(0, 3)), FEATURES) is None


@pytest.mark.parametrize(("saving", "stone"), [(0.02, 3), (0.005, None), (-0.1, None)])
def test_a_stone_is_worth_a_probe_only_for_a_saving(saving, stone):
    assert stepping_stone(situation(saving=saving), FEATURES) == stone


def test_the_last_probes_are_not_spent_on_stones():
    assert stepping_stone(situation(probes_left=3.0), FEATURES) is None
    assert stepping_stone(situation(probes_left=4.0), FEATURES) == 3
