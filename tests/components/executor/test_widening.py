"""The mind of one job whose load rises further than a window could show."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from components.executor.decision import JobDecision
from components.executor.guard_trial.hostile import Opens
from components.executor.sampling import InForce
from components.executor.settings import ExecutorSettings
from components.executor.window import ClosedWindow
from components.jobs.candidate import Candidate
from components.jobs.target import Target
from components.node.placement import place
from components.node.topology import grid_topology
from components.planning.wish import Purpose
from components.policy.search_settings import SearchSettings
from components.policy.steps import Probe, Settled
from components.telemetry.sample import Arm
from components.telemetry.window import LatencyWindow

TOPOLOGY = grid_topology(sockets=1, l3_per_socket=1, cores_per_l3=32, threads_per_core=1)
FEW, MORE, MOST = Candidate(8), Candidate(16), Candidate(31)
WINDOW_S = 100.0


class SettlesThenTries:
    """Settles on few CPUs; from when it is told to, tries them whatever is seen."""

    tries = False

    def __call__(self, search):
        if self.tries:
            return Probe(FEW, 1.0, 1.0, "says a policy nobody should trust")
        return Settled(FEW, "as few as can be")


@pytest.fixture
def decision():
    """It settled on few CPUs; more of them were proven at a rate of 50 before."""
    policy = SettlesThenTries()
    decision = JobDecision(
        TOPOLOGY,
        Target(10.0),
        ExecutorSettings(),
        Opens(policy),
        is_canary=False,
        search=SearchSettings(),
    )
    decision.open(None, (FEW, MORE, MOST), 0.0, "a test")
    see(decision, MORE, latency_ms=8.0, rate_per_s=50.0, at_s=100.0)
    decision.open(None, (FEW, MORE, MOST), 150.0, "settled again")
    see(decision, FEW, latency_ms=9.0, rate_per_s=40.0, at_s=200.0)
    policy.tries = True
    return decision


def see(decision, candidate, *, latency_ms, rate_per_s, at_s):
    n = round(rate_per_s * WINDOW_S)
    latency = LatencyWindow((), (n,), latency_ms * n / 1000, n, n, n, WINDOW_S)
    start = datetime.fromtimestamp(at_s - WINDOW_S, tz=UTC)
    window = ClosedWindow(start, WINDOW_S, 10.0, latency, 50.0, None, 1.0, False, True, False)
    cpus = place(TOPOLOGY, candidate.n_cpus, candidate.layout)
    arm = Arm.POLICY
    decision.observe(window, InForce(cpus, candidate, arm, "d", 1.0, True, cpus), at_s)


def wanted(decision):
    intent = decision.intent()
    return intent.purpose, intent.candidate


def test_what_misses_is_left_for_what_was_proven_at_that_load(decision):
    see(decision, FEW, latency_ms=14.0, rate_per_s=45.0, at_s=300.0)

    assert wanted(decision) == (Purpose.EMERGENCY, MORE)


def test_where_that_misses_too_the_widest_comes_before_anything_is_tried(decision):
    see(decision, FEW, latency_ms=14.0, rate_per_s=45.0, at_s=300.0)
    see(decision, MORE, latency_ms=11.0, rate_per_s=60.0, at_s=400.0)

    assert wanted(decision) == (Purpose.EMERGENCY, MOST)


def test_where_that_helped_the_search_goes_on(decision):
    see(decision, FEW, latency_ms=14.0, rate_per_s=45.0, at_s=300.0)
    see(decision, MORE, latency_ms=8.0, rate_per_s=45.0, at_s=400.0)

    assert wanted(decision) == (Purpose.PROBE, FEW)
