"""A made-up host that runs: clocks rise with work, fall with rest, and joules add up."""

from __future__ import annotations

import numpy as np
import pytest

from components.madeup.devices.host import DEVICES
from components.madeup.devices.idle import HOST_IDLE_W, IDLE
from components.madeup.devices.network import MadeUpNetwork, draw_networks
from components.madeup.devices.roofline_host import RooflineHost
from components.madeup.devices.running import Accounting, RunningDevices, memory_mb
from components.madeup.errors import MadeUpError

NETWORK = MadeUpNetwork(
    "simulated-digits", "simulated-digits", 8, 8, 0.002, 0.05, 0.0, 0.0, 4.0, 0.4, 0.003, 24
)


@pytest.fixture
def host() -> RunningDevices:
    return RunningDevices(RooflineHost(0))


def test_a_run_says_that_it_is_simulated(host: RunningDevices) -> None:
    assert "simulated" in host.run(NETWORK, 1, "cpu", 0.0).host


def test_the_first_batch_wakes_the_gpu_and_the_next_finds_it_awake(host: RunningDevices) -> None:
    first = host.run(NETWORK, 4096, "dgpu", at_s=0.0)
    later = host.run(NETWORK, 4096, "dgpu", at_s=first.latency_ms / 1000)

    assert first.wake_ms > 0
    assert first.clock_before == IDLE["dgpu"].lowest_share
    assert later.clock_before == first.clock_after > first.clock_before
    assert later.latency_ms < first.latency_ms


def test_the_clock_falls_with_rest_continuously_down_to_its_lowest(host: RunningDevices) -> None:
    run = host.run(NETWORK, 1 << 16, "dgpu", at_s=0.0)
    end_s = run.latency_ms / 1000
    shares = [host.clock_share("dgpu", end_s + rest_s) for rest_s in (0.0, 0.2, 1.0, 3.0, 60.0)]

    assert shares[0] == shares[1] == 1.0
    assert shares == sorted(shares, reverse=True)
    assert shares[2] > shares[3] > shares[4]
    assert shares[4] == pytest.approx(IDLE["dgpu"].lowest_share, abs=1e-6)


def test_cpu_and_integrated_gpu_never_sleep(host: RunningDevices) -> None:
    for device in ("cpu", "igpu"):
        run = host.run(NETWORK, 64, device, at_s=100.0)
        assert (run.clock_before, run.wake_ms) == (1.0, 0.0)


def test_the_idle_share_is_what_the_host_draws_while_the_batch_runs(host: RunningDevices) -> None:
    run = host.run(NETWORK, 256, "igpu", at_s=0.0)

    more_j = run.joules(Accounting.WITH_IDLE_SHARE) - run.joules(Accounting.MARGINAL)
    assert more_j == pytest.approx(HOST_IDLE_W * run.latency_ms / 1000)


def test_what_runs_costs_what_the_table_of_the_host_says() -> None:
    roofline = RooflineHost(3)
    host = RunningDevices(roofline)
    for network in draw_networks(np.random.default_rng(2), 10):
        costs = roofline.costs(network, 32, 0.4)
        for device in DEVICES:
            run = host.from_state(network, 32, device, 0.4 if device == "dgpu" else 1.0)
            assert run.latency_ms == pytest.approx(costs[device].latency_ms)
            assert run.joules(Accounting.MARGINAL) == pytest.approx(costs[device].energy_j)


def test_frequent_requests_keep_the_gpu_awake_and_rare_ones_let_it_sleep(
    host: RunningDevices,
) -> None:
    often, seldom = (host.steady(NETWORK, 4096, "dgpu", rate) for rate in (12.0, 0.05))

    assert often.clock_before > 0.95
    assert seldom.clock_before == pytest.approx(IDLE["dgpu"].lowest_share, abs=1e-3)
    assert seldom.latency_ms > often.latency_ms


def test_more_threads_are_faster_on_big_work_and_draw_more() -> None:
    host = RunningDevices(RooflineHost(0, threads=(1, 2, 4, 8)))
    runs = [host.run(NETWORK, 4096, f"cpu@{n}", 0.0) for n in (1, 2, 4, 8)]

    latencies = [run.latency_ms for run in runs]
    watts = [run.joules(Accounting.MARGINAL) / run.latency_ms for run in runs]
    assert latencies == sorted(latencies, reverse=True)
    assert watts == sorted(watts)
    assert host.run(NETWORK, 4096, "cpu", 0.0).latency_ms == runs[-1].latency_ms


def test_a_batch_beyond_the_memory_of_a_device_is_refused(host: RunningDevices) -> None:
    batch = 1
    while memory_mb(NETWORK, batch) <= IDLE["dgpu"].memory_mb:
        batch *= 2
    with pytest.raises(MadeUpError, match="smaller batch"):
        host.run(NETWORK, batch, "dgpu", 0.0)
    host.run(NETWORK, batch // 2, "dgpu", 0.0)


def test_a_device_there_is_not_is_refused_by_name(host: RunningDevices) -> None:
    with pytest.raises(MadeUpError, match="npu"):
        host.run(NETWORK, 1, "npu", 0.0)
