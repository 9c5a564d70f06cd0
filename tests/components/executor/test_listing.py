"""How often an executor lists containers: seldom where it is told of each that comes or goes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import pytest


@dataclass
class Heard:
    """Says once that something came or went, as the engine's events do."""

    has_news: bool = False

    def take(self) -> bool:
        has_news, self.has_news = self.has_news, False
        return has_news


@pytest.fixture
def heard(rig) -> Heard:
    heard = Heard()
    rig.executor.ports = replace(rig.ports, changed=heard.take)
    return heard


@pytest.fixture
def listed(rig, monkeypatch) -> list[float]:
    """When the host was asked for its containers."""
    at_s, containers, clock = [], rig.node.host.containers, rig.node.clock

    def listing():
        at_s.append(clock.monotonic_s())
        return containers()

    monkeypatch.setattr(rig.node.host, "containers", listing)
    return at_s


def between(at_s: list[float]) -> set[float]:
    return {later - earlier for earlier, later in pairwise(at_s)}


def test_where_nobody_tells_it_looks_every_few_seconds(rig, listed):
    rig.run(31)

    assert between(listed) == {rig.settings.discover_s}


def test_where_it_is_told_it_lists_seldom_and_at_once_what_came(rig, heard, listed):
    rig.run(100)
    seldom = between(listed)
    rig.node.kill("resnet")
    heard.has_news = True
    rig.run(1)

    assert seldom == {rig.settings.list_s}
    assert not rig.executor.runs


@pytest.mark.usefixtures("heard")
def test_what_is_wrong_is_looked_at_again_soon_also_where_it_is_told(rig, listed):
    rig.run(1)
    rig.node.host.is_away = True
    rig.run(rig.settings.list_s + 10)
    rig.node.host.is_away = False
    rig.run(100)

    assert between(listed) == {rig.settings.discover_s, rig.settings.list_s}
    assert not rig.executor.heartbeat().health
