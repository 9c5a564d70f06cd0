"""Readings that lie: the executor learns nothing from them, and the job keeps what is proven."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from components.executor.madeup_ports import ports_of
from components.telemetry.errors import ReadingError

TARGET_MS = 7.0


class Lying:
    """A latency page that goes wrong when told to."""

    def __init__(self, source, how):
        self._source, self._how = source, how
        self.is_lying = False
        self._kept = None

    def read(self):
        snapshot = self._source.read()
        if not self.is_lying:
            self._kept = snapshot
            return snapshot
        return self._how(snapshot, self._kept)


def _counts(snapshot, factor):
    return tuple(int(count * factor) for count in snapshot.counts)


def _absent(snapshot, kept):
    raise ReadingError("asked for the page", "it is empty", "it is tried again")


class OutOfOrder:
    """Tells every second time what was told before."""

    n_told = 0

    def __call__(self, now, kept):
        self.n_told += 1
        return kept if self.n_told % 2 else now


LIES = {
    "nan": lambda now, kept: replace(now, sum_s=math.nan),
    "infinite": lambda now, kept: replace(now, sum_s=math.inf),
    "negative": lambda now, kept: replace(now, sum_s=-now.sum_s),
    "stale": lambda now, kept: kept,
    "absent": _absent,
    "doubled": lambda now, kept: replace(now, counts=_counts(now, 2)),
    "out of order": OutOfOrder(),
    "reset": lambda now, kept: replace(
        now, sum_s=0.0, counts=_counts(now, 0), n_requests=0, n_images=0, n_received=0
    ),
}


@pytest.fixture
def lying(world):
    """A world whose latency pages may lie; returns it and a switch."""

    def make(how):
        plain = ports_of(world.node, "broken")
        pages = []

        def source(container, job):
            pages.append(Lying(plain.latency_source(container, job), how))
            return pages[-1]

        world.ports = replace(plain, latency_source=source)
        world.start()
        world.settle()
        return world, pages

    return make


@pytest.mark.parametrize("lie", sorted(LIES))
def test_a_page_that_lies_moves_no_job_below_its_target_and_ends_nothing(lying, lie):
    world, pages = lying(LIES[lie])
    n_before = len(world.published.samples)

    for page in pages:
        page.is_lying = True
    world.run(120)
    during = world.node.true_latency_ms("resnet")
    for sample in list(world.published.samples)[n_before:]:
        for value in (sample.latency_mean_ms, sample.offered_rate_per_s):
            assert value is None or (math.isfinite(value) and value >= 0)
    for page in pages:
        page.is_lying = False
    world.run(200)

    assert during <= TARGET_MS * 1.002
    assert world.node.true_latency_ms("resnet") <= TARGET_MS * 1.002


@pytest.mark.parametrize("value", [math.nan, math.inf, -1.0, 0.0], ids=str)
def test_a_power_counter_that_lies_is_no_reading(world, value):
    plain = ports_of(world.node, "broken")

    class Power:
        is_lying = False

        def __getattr__(self, name):
            return getattr(plain.power, name)

        def energy_j(self):
            return value if self.is_lying else plain.power.energy_j()

    meter = Power()
    world.ports = replace(plain, power=meter)
    world.start()
    world.settle()
    n_before = len(world.published.samples)

    meter.is_lying = True
    world.run(60)

    for sample in list(world.published.samples)[n_before:]:
        power_w = sample.node_power_w
        assert power_w is None or (math.isfinite(power_w) and power_w > 0)
    assert world.node.true_latency_ms("resnet") <= TARGET_MS * 1.002


def test_cpu_times_that_go_backwards_make_no_utilization(world):
    plain = ports_of(world.node, "broken")

    class Times:
        factor = 1.0

        def busy_s(self):
            return {cpu: s * self.factor for cpu, s in plain.cpu_times.busy_s().items()}

    times = Times()
    world.ports = replace(plain, cpu_times=times)
    world.start()
    world.run(30)

    times.factor = 0.1
    world.run(60)

    for sample in world.published.samples:
        for share in sample.cpu_utilization or ():
            assert 0.0 <= share <= 1.0


@pytest.mark.parametrize("jump_s", [3600.0, -3600.0, 86_400.0 * 400])
def test_a_wall_clock_that_jumps_changes_nothing(world, jump_s):
    class Jumping:
        offset_s = 0.0

        def now_s(self):
            return world.node.clock.now_s() + self.offset_s

        def monotonic_s(self):
            return world.node.clock.monotonic_s()

        def sleep(self, seconds):
            world.node.clock.sleep(seconds)

    clock = Jumping()
    world.ports = replace(ports_of(world.node, "broken"), clock=clock)
    world.start()
    world.settle()
    before = world.cpus()

    clock.offset_s = jump_s
    world.run(120)

    assert world.cpus() == before
    assert not world.executor.heartbeat().health


def test_after_a_suspend_of_an_hour_work_goes_on(world):
    world.start()
    world.settle()

    world.node.clock.sleep(3600)
    world.run(200)

    assert world.node.true_latency_ms("resnet") <= TARGET_MS * 1.002
    assert not world.executor.heartbeat().health
