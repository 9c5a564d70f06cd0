"""Jobs of a scenario that answer as recordings did."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.jobs.candidate import Candidate
from components.node.placement import Layout
from components.node.topology import grid_topology
from components.simulation.cast import draw_cast
from components.simulation.errors import ScenarioError
from components.simulation.recorded import RecordedSurface, recorded_table, response_of
from components.simulation.scenario import JobsPlan, Scenario
from components.simulation.world import World

NODE = grid_topology(sockets=1, l3_per_socket=2, cores_per_l3=4, threads_per_core=2)
COUNTS = (1, 2, 4, 8)
LATENCY_MS = {Layout.COMPACT: (80.0, 42.0, 23.0, 14.0), Layout.SMT: (80.0, 60.0, 31.0, 17.0)}
POWER_W = {Layout.COMPACT: (30.0, 36.0, 48.0, 72.0), Layout.SMT: (30.0, 33.0, 42.0, 60.0)}


def surface(name: str = "kept/resnet", topology=NODE) -> RecordedSurface:
    rows = [(Candidate(n, layout), at) for layout in LATENCY_MS for at, n in enumerate(COUNTS)]
    return RecordedSurface(
        name,
        topology,
        tuple(candidate for candidate, _ in rows),
        np.asarray([LATENCY_MS[c.layout][at] for c, at in rows]),
        np.asarray([POWER_W[c.layout][at] for c, at in rows]),
        idle_w=24.0,
    )


TABLE = recorded_table([surface()])


def unhurried(candidates):
    """Latency where hardly anything is asked: that of the recording, without waiting."""
    response = response_of(surface(), TABLE).at_load(1e-9)
    return response.latency_ms(TABLE.of(candidates))


@pytest.mark.parametrize("layout", list(LATENCY_MS))
def test_where_it_was_measured_it_answers_as_measured(layout):
    found = unhurried([Candidate(n, layout) for n in COUNTS])

    assert found == pytest.approx(LATENCY_MS[layout])


def test_power_is_what_was_measured_above_an_idle_node_while_it_is_busy():
    busy = response_of(surface(), TABLE).at_load(1e9)

    found = busy.power_w(TABLE.of([Candidate(n) for n in COUNTS]))

    assert found == pytest.approx([6.0, 12.0, 24.0, 48.0])


@given(st.integers(1, 8))
def test_between_two_counts_it_lies_between_them(n):
    (found,) = unhurried([Candidate(n)])

    around = [ms for count, ms in zip(COUNTS, LATENCY_MS[Layout.COMPACT], strict=True)]
    low = max(at for at, count in enumerate(COUNTS) if count <= n)
    high = min(at for at, count in enumerate(COUNTS) if count >= n)
    assert around[high] * 0.999 <= found <= around[low] * 1.001


def test_siblings_that_were_never_measured_are_worth_no_core():
    compact = surface()
    rows = [at for at, c in enumerate(compact.candidates) if c.layout is Layout.COMPACT]
    only = RecordedSurface(
        "kept/compact",
        NODE,
        tuple(compact.candidates[at] for at in rows),
        compact.latency_ms[rows],
        compact.power_w[rows],
    )
    response = response_of(only, TABLE).at_load(1e-9)

    cores, siblings = response.latency_ms(TABLE.of([Candidate(4), Candidate(8, Layout.SMT)]))

    assert siblings == pytest.approx(cores)


def test_more_load_makes_requests_wait():
    response = response_of(surface(), TABLE)
    footprint = TABLE.of([Candidate(4)])

    assert response.at_load(1.5).latency_ms(footprint) > response.latency_ms(footprint)


def test_a_cast_of_recordings_lives_on_their_node_and_targets_can_be_kept():
    scenario = Scenario(name="kept", hours=0.1, jobs=JobsPlan(n=2))

    cast = draw_cast(scenario, 3, [surface(), surface("kept/bert")])

    assert cast.topology.n_logical == NODE.n_logical
    assert [p.name for p in cast.players] == ["kept.resnet-0", "kept.bert-1"]
    moment = World(cast).moment(0)
    for player in moment.players.values():
        widest = player.response.latency_ms(cast.table.of([Candidate(8)]))
        assert widest[0] <= player.target_ms


def test_recordings_of_two_kinds_of_nodes_are_refused():
    other = grid_topology(sockets=2, l3_per_socket=1, cores_per_l3=4, threads_per_core=1)

    with pytest.raises(ScenarioError, match="one kind of node"):
        recorded_table([surface(), surface("kept/other", other)])
