import time
from pathlib import Path

import numpy as np
import pytest

from components.actuation.errors import (
    HostAwayError,
)
from components.jobs.labels import job_from_labels
from components.madeup.errors import MadeUpError
from components.madeup.job import MadeUpJob
from components.madeup.node import MadeUpNode, job_labels, node_of, reference_node
from components.madeup.populations import draw
from components.madeup.reference_node import ReferenceResponse, latency_ms, power_w
from components.node.placement import Layout, place
from components.node.topology import read_topology
from components.telemetry.cpu_times import ProcStat, cpu_utilization
from components.telemetry.errors import ReadingError
from components.telemetry.meters import LatencySnapshot
from components.telemetry.sample import Origin
from components.telemetry.window import LatencyWindow


def _window(node: MadeUpNode, seconds: float, name: str = "resnet") -> tuple[LatencyWindow, float]:
    source = node.latency_source(node.container(name))
    before, energy_j = source.read(), node.power_meter.energy_j()
    node.clock.sleep(seconds)
    window = LatencyWindow.between(before, source.read(), seconds)
    return window, (node.power_meter.energy_j() - energy_j) / seconds


def _first(n_cpus: int) -> frozenset[int]:
    return frozenset(range(n_cpus))


def _read(node: MadeUpNode) -> LatencySnapshot:
    return node.latency_source(node.container("resnet")).read()


@pytest.mark.parametrize("n_cpus", [1, 15, 25, 61, 100])
def test_a_window_shows_the_formula_within_the_noise(node: MadeUpNode, n_cpus: int) -> None:
    node.host.apply(node.container("resnet").id, _first(n_cpus))
    window, measured_w = _window(node, 10.0)
    assert window.mean_ms == pytest.approx(latency_ms(n_cpus)[0], rel=5 * 0.003)
    assert measured_w == pytest.approx(power_w(n_cpus)[0], rel=5 * 0.0015)
    assert node.true_latency_ms("resnet") == pytest.approx(latency_ms(n_cpus)[0])
    assert window.n_requests == 500


def test_noise_has_the_size_it_was_given_and_long_windows_average_it(node: MadeUpNode) -> None:
    node.host.apply(node.container("resnet").id, _first(25))
    truth = node.true_latency_ms("resnet")
    short = [np.log(_window(node, 10.0)[0].mean_ms / truth) for _ in range(300)]
    long = [np.log(_window(node, 100.0)[0].mean_ms / truth) for _ in range(300)]
    assert np.std(short) == pytest.approx(0.003, rel=0.2)
    assert np.std(long) == pytest.approx(0.003 / np.sqrt(10), rel=0.2)


def test_quantiles_lie_above_the_mean_by_the_spread_of_requests(node: MadeUpNode) -> None:
    window, _ = _window(node, 100.0)
    assert window.mean_ms is not None
    p95 = window.quantile_ms(0.95)
    assert p95 is not None
    assert p95 / window.mean_ms == pytest.approx(np.exp(1.645 * 0.08 - 0.0032), rel=0.03)


def test_the_same_seed_gives_the_same_node(tmp_path: Path, start_s: float) -> None:
    def lived(folder: str, seed: int) -> tuple[LatencySnapshot, float]:
        node = reference_node(tmp_path / folder, seed=seed, start_s=start_s)
        node.clock.sleep(7.0)
        _read(node)
        node.clock.sleep(3.0)
        return _read(node), node.power_meter.energy_j()

    assert lived("a", 1) == lived("b", 1)
    assert lived("c", 1) != lived("d", 2)


def test_its_files_describe_it(node: MadeUpNode) -> None:
    assert read_topology(node.sysfs) == node.topology
    assert node.topology.n_logical == 128
    assert "Made-up" in (node.proc / "cpuinfo").read_text()
    assert node.origin is Origin.SIMULATED


def test_its_job_can_be_managed(node: MadeUpNode) -> None:
    container = node.host.containers()[0]
    job = job_from_labels(container.name, container.labels)
    assert job is not None
    assert job.target.latency_ms == 7.0
    assert (container.image, job.model) == ("simulated/resnet", "resnet")


def test_cpu_times_are_those_of_the_proc_file_and_of_the_cpus_in_use(node: MadeUpNode) -> None:
    node.host.apply(node.container("resnet").id, _first(8))
    before = node.cpu_times.busy_s()
    node.clock.sleep(10.0)
    after = node.cpu_times.busy_s()
    assert after == pytest.approx(ProcStat(node.proc).busy_s())
    use = cpu_utilization(before, after, 10.0)
    assert all(use[cpu] == pytest.approx(0.97, abs=0.01) for cpu in range(8))
    assert all(use[cpu] == 0.0 for cpu in range(8, 128))


def test_cpu_time_of_a_container_is_that_of_its_cpus(node: MadeUpNode) -> None:
    container = node.container("resnet")
    node.host.apply(container.id, _first(8))
    before = node.host.cpu_time_s(container.id)
    node.clock.sleep(10.0)
    assert node.host.cpu_time_s(container.id) - before == pytest.approx(8 * 10 * 0.97)
    assert node.host.run_queue_wait_s(container.id) == 0.0


def test_which_cpus_matters_not_only_how_many(node: MadeUpNode) -> None:
    seen = {}
    for layout in Layout:
        node.host.apply(node.container("resnet").id, place(node.topology, 24, layout))
        seen[layout] = (node.true_latency_ms("resnet"), node.true_power_w())
    assert len(set(seen.values())) == 3


def test_a_restarted_server_counts_from_zero_on_its_old_cpus(node: MadeUpNode) -> None:
    container = node.container("resnet")
    node.host.apply(container.id, _first(4))
    node.clock.sleep(10.0)
    assert _read(node).n_requests == 500
    node.restart("resnet")
    assert _read(node).n_requests == 0
    assert node.host.effective_cpus(container.id) == _first(4)


def test_silence_is_an_error_and_ends(node: MadeUpNode) -> None:
    node.silence("resnet")
    with pytest.raises(ReadingError, match="silent"):
        _read(node)
    node.silence("resnet", silent=False)
    assert _read(node).n_requests == 0
    node.power_meter.is_silent = True
    with pytest.raises(ReadingError):
        node.power_meter.energy_j()
    node.host.is_away = True
    with pytest.raises(HostAwayError):
        node.host.containers()


def test_a_change_of_load_holds_from_now_on(node: MadeUpNode) -> None:
    node.host.apply(node.container("resnet").id, _first(25))
    calm, _ = _window(node, 100.0)
    node.scale_rate("resnet", 1.25)
    busy, _ = _window(node, 100.0)
    assert calm.mean_ms is not None
    assert busy.mean_ms is not None
    assert busy.offered_rate_per_s == pytest.approx(1.25 * calm.offered_rate_per_s, rel=0.01)
    assert busy.mean_ms > 1.05 * calm.mean_ms
    with pytest.raises(MadeUpError, match="positive"):
        node.set_rate("resnet", 0.0)


def test_a_slow_l3_group_hurts_only_who_uses_it(node: MadeUpNode) -> None:
    container = node.container("resnet")
    node.slow_l3(0, 1.5)
    node.host.apply(container.id, frozenset(range(8, 24)))
    elsewhere = node.true_latency_ms("resnet")
    node.host.apply(container.id, frozenset(range(16)))
    assert node.true_latency_ms("resnet") == pytest.approx(1.5 * elsewhere)
    node.slow_l3(0, 1.0)
    assert node.true_latency_ms("resnet") == pytest.approx(elsewhere)


def test_strangers_on_the_same_cpus_stretch_a_job_and_make_it_wait(node: MadeUpNode) -> None:
    container = node.container("resnet")
    node.host.apply(container.id, _first(8))
    alone, alone_w = node.true_latency_ms("resnet"), node.true_power_w()
    node.disturb(dict.fromkeys(range(8), 0.9))
    node.clock.sleep(10.0)
    assert node.true_latency_ms("resnet") == pytest.approx(1.87 * alone)
    assert node.true_power_w() > alone_w
    assert node.host.run_queue_wait_s(container.id) > 0.5 * node.host.cpu_time_s(container.id)
    node.disturb({})
    assert node.true_latency_ms("resnet") == pytest.approx(alone)


def test_two_jobs_share_the_node_and_its_power(node: MadeUpNode) -> None:
    second = MadeUpJob(
        name="second",
        response=ReferenceResponse(),
        rate_per_s=20.0,
        labels=job_labels(9.0, model="m"),
    )
    node.host.apply(node.container("resnet").id, _first(16))
    alone, alone_w = node.true_latency_ms("resnet"), node.true_power_w()
    node.start(second)
    node.host.apply(node.container("second").id, frozenset(range(16, 32)))
    assert node.true_latency_ms("resnet") == pytest.approx(alone)
    assert node.true_power_w() == pytest.approx(2 * alone_w - 76.245)
    node.host.apply(node.container("second").id, _first(16))
    assert node.true_latency_ms("resnet") == pytest.approx(1.94 * alone)


def test_time_passes_only_by_sleeping(node: MadeUpNode, start_s: float) -> None:
    assert node.clock.now_s() == start_s
    node.clock.sleep(2.5)
    assert node.clock.now_s() == start_s + 2.5
    assert node.clock.monotonic_s() == 2.5
    with pytest.raises(MadeUpError, match="forward"):
        node.clock.sleep(-1.0)


@pytest.mark.parametrize("family", ["usl", "tiles", "stepped", "knots"])
def test_any_drawn_surface_can_be_lived_on(tmp_path: Path, start_s: float, family: str) -> None:
    surface = draw(family, 7, 3)[2]
    node = node_of(tmp_path, surface, start_s=start_s)
    window, measured_w = _window(node, 100.0, "job")
    everything = -1 - 2 * surface.topology.n_logical
    footprints = surface.table.footprints
    expected_ms = surface.response.latency_ms(footprints)[everything]
    assert window.mean_ms == pytest.approx(expected_ms, rel=0.05)
    assert measured_w == pytest.approx(surface.response.power_w(footprints)[everything], rel=0.05)


def test_ten_simulated_seconds_cost_little(node: MadeUpNode) -> None:
    container = node.container("resnet")

    def window_s() -> float:
        began_s = time.process_time()
        for _ in range(10):
            node.clock.sleep(1.0)
            _read(node)
            node.cpu_times.busy_s()
            node.power_meter.energy_j()
            node.host.cpu_time_s(container.id)
            node.host.effective_cpus(container.id)
        return time.process_time() - began_s

    best_s = min(window_s() for _ in range(20))
    assert best_s < 0.02  # 0.004 on a free machine


def test_a_job_without_load_cannot_be() -> None:
    with pytest.raises(MadeUpError, match="positive"):
        MadeUpJob(name="idle", response=ReferenceResponse(), rate_per_s=0.0)
