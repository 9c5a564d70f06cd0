from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.jobs.candidate import Candidate
from components.jobs.target import Target
from components.madeup.reference_node import reference_surface
from components.node.topology import grid_topology
from components.policy.candidates import candidates_of
from components.policy.search import Search, SearchSettings
from components.policy.steps import Confirm, Infeasible, Observation, Probe, Settled

EXACT = SearchSettings(window_sigma=1e-4)
_NODES = st.builds(
    grid_topology,
    sockets=st.integers(1, 2),
    l3_per_socket=st.integers(1, 2),
    cores_per_l3=st.integers(1, 6),
    threads_per_core=st.integers(1, 2),
)


@dataclass
class World:
    """Any latency and power per candidate, read with noise."""

    latency_ms: dict
    power_w: dict
    noise: float = 0.0
    seed: int = 0
    steps: list = field(default_factory=list)

    def __post_init__(self):
        self.rng = np.random.default_rng(self.seed)

    def read(self, candidate, n_windows=1.0, cut_short=False):
        error = math.exp(self.noise * self.rng.normal() / math.sqrt(n_windows))
        return Observation(
            candidate,
            self.latency_ms[candidate] * error,
            self.power_w[candidate],
            n_windows,
            cut_short,
        )

    def run(self, search, limit=80):
        for _ in range(limit):
            step = search.next()
            self.steps.append(step)
            match step:
                case Probe():
                    search.observe(self.read(step.candidate))
                case Confirm():
                    search.observe(self.read(step.candidate, float(step.n_windows)))
                case _:
                    return step
        raise AssertionError("the search did not end")

    @property
    def probes(self):
        return [step for step in self.steps if isinstance(step, Probe)]


def scaling(topology, serial=0.05, noise=0.0):
    """Amdahl's law over CPUs, and power linear in them."""
    candidates = candidates_of(topology)
    return World(
        {c: 100.0 * (serial + (1 - serial) / c.n_cpus) for c in candidates},
        {c: 50.0 + 4.0 * c.n_cpus for c in candidates},
        noise,
    )


def search_on(brain, topology, target_ms, options=None):
    return Search(brain, topology, candidates_of(topology), Target(target_ms), options)


@st.composite
def worlds(draw):
    """A node on which latency and power are anything at all."""
    topology = draw(_NODES)
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    candidates = candidates_of(topology)
    latency = np.exp(rng.normal(2.0, 1.0, len(candidates)))
    power = np.exp(rng.normal(4.0, 0.5, len(candidates)))
    world = World(
        dict(zip(candidates, latency, strict=True)),
        dict(zip(candidates, power, strict=True)),
        draw(st.sampled_from([0.0, 0.005, 0.03])),
        draw(st.integers(0, 100)),
    )
    return topology, world, float(np.exp(rng.normal(2.0, 1.0)))


@pytest.mark.parametrize("rule", ["learned", "expected-improvement"])
@settings(max_examples=30, deadline=None)
@given(drawn=worlds(), max_probes=st.integers(1, 12), max_unsafe=st.integers(0, 3))
def test_whatever_it_meets_the_search_keeps_its_limits_and_ends(
    brain, rule, drawn, max_probes, max_unsafe
):
    topology, world, target_ms = drawn
    options = SearchSettings(max_probes=max_probes, max_unsafe_probes=max_unsafe, probe_rule=rule)
    search = search_on(brain, topology, target_ms, options)
    offered = set(candidates_of(topology))
    accepted = False
    for _ in range(80):
        step = search.next()
        assert step == search.next()
        assert step.candidate in offered
        if isinstance(step, Settled | Infeasible):
            break
        accepted = accepted or isinstance(step, Confirm)
        if isinstance(step, Probe):
            assert not accepted, "no probe after the search has committed, but to find a way out"
            search.observe(world.read(step.candidate))
            world.steps.append(step)
            if "may save" in step.reason:
                assert step.p_feasible >= options.min_p_feasible
        else:
            search.observe(world.read(step.candidate, float(step.n_windows)))
            accepted = not isinstance(search.next(), Probe)
    assert isinstance(step, Settled | Infeasible)
    assert len(world.probes) <= max(max_probes, 2)  # the widest two are always looked at


@settings(max_examples=30, deadline=None)
@given(drawn=worlds())
def test_what_it_settles_on_was_measured_and_keeps_the_target(brain, drawn):
    topology, world, target_ms = drawn
    world.noise = 0.0
    end = world.run(search_on(brain, topology, target_ms))
    if isinstance(end, Settled):
        assert any(step.candidate == end.candidate for step in world.probes)
        assert world.latency_ms[end.candidate] <= target_ms


def test_it_begins_with_all_cpus_then_all_physical_cores(brain, big_node):
    world = scaling(big_node)
    search = search_on(brain, big_node, 1.0)
    assert search.next().candidate.n_cpus == 128
    search.observe(world.read(search.next().candidate))
    assert search.next().candidate.n_cpus == 64


def test_physical_cores_are_not_tried_when_all_cpus_keep_the_target(brain, big_node):
    world = scaling(big_node)
    search = search_on(brain, big_node, 20.0)
    search.observe(world.read(search.next().candidate))
    assert "may save" in search.next().reason


@pytest.mark.parametrize("target_ms", [5.0, 7.0, 10.0, 15.0])
def test_on_the_reference_node_it_comes_within_a_few_percent_of_the_best(brain, target_ms):
    surface = reference_surface(target_ms)
    candidates = candidates_of(surface.topology)
    world = World(
        dict(zip(candidates, surface.latency_ms(candidates).tolist(), strict=True)),
        dict(zip(candidates, surface.power_w(candidates).tolist(), strict=True)),
    )
    search = Search(brain, surface.topology, candidates, Target(target_ms), EXACT)
    end = world.run(search)
    best = min(world.power_w[c] for c in candidates if world.latency_ms[c] <= target_ms)
    assert isinstance(end, Settled)
    assert world.latency_ms[end.candidate] <= target_ms
    assert world.power_w[end.candidate] <= 1.05 * best
    assert len(world.probes) <= 12


def test_a_target_that_nothing_meets_is_infeasible_and_the_fastest_is_named(brain, big_node):
    world = scaling(big_node)
    end = world.run(search_on(brain, big_node, 1.0))
    assert isinstance(end, Infeasible)
    fastest = min(world.probes, key=lambda step: world.latency_ms[step.candidate])
    assert end.candidate == fastest.candidate


def test_a_node_of_two_cpus_is_searched_in_at_most_two_probes(brain, tiny_node):
    for target_ms in (30.0, 60.0, 90.0, 150.0):
        world = scaling(tiny_node)
        end = world.run(search_on(brain, tiny_node, target_ms))
        assert len(world.probes) <= 2
        assert isinstance(end, Infeasible) == (target_ms < 52.5)
        assert target_ms < 52.5 or world.latency_ms[end.candidate] <= target_ms
    assert end.candidate == Candidate(1)


def test_a_single_candidate_is_probed_and_confirmed(brain, tiny_node):
    world = scaling(tiny_node)
    search = Search(brain, tiny_node, [Candidate(2)], Target(90.0))
    assert world.run(search) == search.next()
    assert [type(step) for step in world.steps] == [Probe, *[Confirm] * 5, Settled]


def test_after_a_load_change_it_is_back_within_two_windows_and_few_probes(brain):
    topology = grid_topology(sockets=1, l3_per_socket=4, cores_per_l3=8, threads_per_core=1)
    world = scaling(topology)
    search = search_on(brain, topology, 20.0)
    end = world.run(search)
    assert isinstance(end, Settled)
    heavier = scaling(topology)
    heavier.latency_ms = {c: 1.25 * ms for c, ms in world.latency_ms.items()}
    search.load_changed(heavier.read(end.candidate))
    after = heavier.run(search)
    assert isinstance(after, Settled)
    assert heavier.latency_ms[after.candidate] <= 20.0
    first_good = [heavier.latency_ms[s.candidate] <= 20.0 for s in heavier.steps].index(True)
    assert first_good <= 1
    assert len(heavier.probes) <= 6


def test_after_the_load_fell_it_looks_for_less(brain):
    topology = grid_topology(sockets=1, l3_per_socket=4, cores_per_l3=8, threads_per_core=1)
    search = search_on(brain, topology, 20.0)
    end = scaling(topology).run(search)
    lighter = scaling(topology)
    lighter.latency_ms = {c: 0.6 * ms for c, ms in lighter.latency_ms.items()}
    search.load_changed(lighter.read(end.candidate))
    assert lighter.run(search).candidate.n_cpus < end.candidate.n_cpus


def test_predictions_are_the_measurement_where_there_is_one(brain, big_node):
    search = search_on(brain, big_node, 20.0)
    assert search.predictions() == ()
    first = search.next().candidate
    search.observe(Observation(first, 5.0, 300.0))
    predictions = {p.candidate: p for p in search.predictions()}
    assert len(predictions) == len(candidates_of(big_node))
    assert predictions[first].latency_ms == pytest.approx(5.0)
    assert predictions[first].power_w == pytest.approx(300.0)
    assert predictions[Candidate(1)].latency_ms > 5.0
    assert predictions[Candidate(1)].power_w < 300.0


def test_an_accepted_allocation_that_was_seen_anyway_spares_the_widest(brain, big_node):
    world = scaling(big_node)
    search = search_on(brain, big_node, 20.0)
    search.observe(world.read(Candidate(20)))
    step = search.next()
    assert not isinstance(step, Probe) or step.candidate.n_cpus < big_node.n_physical
