"""What is true in a scenario: shared power, neighbours, events."""

from __future__ import annotations

from dataclasses import replace

import pytest

from components.simulation.cast import draw_cast
from components.simulation.scenario import Event, EventKind, Scenario
from components.simulation.world import World


def world_of(scenario: Scenario, *events: Event) -> World:
    return World(draw_cast(replace(scenario, events=events), 2))


def test_a_socket_that_two_jobs_share_is_awake_once(small: Scenario) -> None:
    world = world_of(small)
    names = [p.name for p in world.cast.players]
    moment = world.moment(0)
    apart = {names[0]: frozenset({0}), names[1]: frozenset({8}), names[2]: frozenset({9})}
    close = {names[0]: frozenset({4}), names[1]: frozenset({8}), names[2]: frozenset({9})}
    same = {names[0]: frozenset({10}), names[1]: frozenset({8}), names[2]: frozenset({9})}
    platform = world.cast.platform
    power = [world.outcome(moment, held).power_w for held in (apart, close, same)]
    assert power[0] == pytest.approx(power[1])
    assert power[0] - power[2] == pytest.approx(platform.socket_w + platform.l3_w)


def test_neighbours_slow_each_other_down_and_siblings_most(small: Scenario) -> None:
    world = world_of(small)
    first, second, third = (p.name for p in world.cast.players)
    moment = world.moment(0)

    def latency(second_has: set[int]) -> float:
        held = {
            first: frozenset({0, 1}),
            second: frozenset(second_has),
            third: frozenset({14, 15}),
        }
        return world.outcome(moment, held).latency_ms[first]

    alone, same_l3, siblings = latency({8, 9}), latency({2, 3}), latency({16, 17})
    assert alone <= same_l3 < siblings


def test_events_hold_for_their_time(small: Scenario) -> None:
    world = world_of(
        small,
        Event(kind=EventKind.MODEL_SWAP, from_s=100, to_s=200, job=1, factor=1.5),
        Event(kind=EventKind.SILENCE, from_s=300, job=0),
        Event(kind=EventKind.NOISY_NEIGHBOUR, from_s=0, to_s=50, cpus=frozenset({0}), factor=1.2),
    )
    held = {p.name: world.cast.topology.ids for p in world.cast.players}
    name = world.cast.players[1].name
    calm, swapped = (world.outcome(world.moment(k), held) for k in (8, 15))
    assert swapped.latency_ms[name] >= 1.5 * calm.latency_ms[name]
    assert world.moment(30).silent == {world.cast.players[0].name}
    assert world.outcome(world.moment(0), held).power_w > calm.power_w


def test_a_node_that_throttles_itself_is_slower(small: Scenario) -> None:
    world = world_of(small, Event(kind=EventKind.POWER_CAP, from_s=100, factor=0.5))
    held = {p.name: world.cast.topology.ids for p in world.cast.players}
    free, capped = (world.outcome(world.moment(k), held) for k in (0, 20))
    assert capped.power_w == pytest.approx(0.5 * world.all_cpus_w)
    assert all(capped.latency_ms[n] > free.latency_ms[n] for n in held)
