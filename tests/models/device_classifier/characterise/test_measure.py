import threading
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from components.devices.device import Run
from components.telemetry.device_measurement import StartState
from models.device_classifier.characterise import Bench, record
from models.device_classifier.characterise_journal import Journal
from models.device_classifier.characterise_measure import Turn, TurnTaker
from models.device_classifier.characterise_plan import RecordingSettings, batch_sizes, plan
from models.device_classifier.characterise_summary import Summariser, sustained_s
from models.device_classifier.errors import RecordingError


@pytest.fixture
def networks(files):
    return files.named(["mlp-16-32x1", "mlp-16-64x2"])


@pytest.fixture
def bench_of(clock, files, settings):
    def make(*devices, settings=settings, proc=Path("/nowhere")):
        taker = TurnTaker(settings, proc=proc, sleep=clock.sleep, clock_s=clock)
        return Bench(devices, files, taker, settings.rounds)

    return make


def test_batches_grow_evenly_to_what_work_and_memory_allow(networks) -> None:
    network = networks[0]
    by_work = RecordingSettings(name="s", n_batches=6, max_gmac=network.features.gmac * 10_000)
    sizes = batch_sizes(network.features, by_work)
    assert sizes == [1, 6, 40, 251, 1585, 10_000]
    little = RecordingSettings(name="s", n_batches=6, max_gmac=network.features.gmac)
    assert batch_sizes(network.features, little) == [1, 2, 3, 4, 5, 6]
    mb = network.features.input_mb + network.features.peak_mb
    tight = RecordingSettings(name="s", n_batches=6, max_gmac=1e9, max_memory_mb=mb * 3.5)
    assert batch_sizes(network.features, tight) == [1, 2, 3]


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "../up"}, {"rounds": 0}, {"tries": 0}, {"n_batches": 0}, {"batches": (0,)},
        {"states": ()}, {"max_gmac": 0.0}, {"burst_s": -1.0}, {"max_wait_share": -0.1},
    ],
    ids=str,
)  # fmt: skip
def test_settings_that_cannot_be_are_refused(wrong) -> None:
    with pytest.raises(RecordingError, match="cannot be"):
        RecordingSettings(**{"name": "s", **wrong})


def test_what_memory_does_not_hold_is_left_out_and_told(networks) -> None:
    settings = RecordingSettings(name="s", batches=(1, 100_000_000))
    planned = plan(networks[:1], settings)
    assert [point.batch for point in planned.points] == [1]
    assert "mlp-16-32x1 at batch 100000000" in planned.left_out[0]


def test_every_device_takes_its_turn_in_every_round_and_another_begins(
    known_device, bench_of, networks, settings
) -> None:
    one, other = known_device(name="one"), known_device(name="other")
    point = plan(networks, settings).points[0]
    measured = bench_of(one, other).measure(point)
    assert [turn.device for turn in measured.turns] == ["one", "other", "other", "one"]


def test_a_turn_tells_latency_transfer_rate_and_joules_of_a_run(
    known_device, bench_of, networks, settings, node
) -> None:
    device = known_device()
    planned = plan(networks[:1], settings)
    point = planned.points[-1]
    measured = {p.name: bench_of(device).measure(p) for p in planned.points}
    found = Summariser(settings, node, [device]).measurements(planned.points, measured)[-1]
    took_s = 0.002 + point.batch * 0.0001
    assert found.latency_ms == pytest.approx(took_s * 1000)
    assert found.transfer_ms == pytest.approx(0.5)
    assert found.throughput_per_s == pytest.approx(point.batch / took_s)
    assert found.energy_j == pytest.approx(50.0 * took_s)
    assert found.latency_spread == pytest.approx(0.0, abs=1e-9)
    assert (found.clock_share, found.wake_ms, found.contended) == (1.0, None, False)


@dataclass
class MovingNetwork:
    """Moves data for `move_s`, then computes for `compute_s` on its one unit; in real time."""

    move_s: float
    compute_s: float
    unit: threading.Lock = field(default_factory=threading.Lock)

    def run(self, inputs):
        start_s = time.perf_counter()
        time.sleep(self.move_s)
        with self.unit:
            time.sleep(self.compute_s)
        return Run((), time.perf_counter() - start_s, self.move_s)


def test_a_rate_is_sustained_with_transfers_overlapped(known_device, settings) -> None:
    device = known_device(least_energy_s=0.0)
    loaded = MovingNetwork(move_s=0.02, compute_s=0.03)
    taker = TurnTaker(settings, proc=Path("/nowhere"))
    turn = taker.take(device, loaded, {}, StartState.WARM)
    assert turn.latency_s >= 0.05
    assert turn.overlapped_s is not None
    assert turn.overlapped_s >= 0.03
    assert sustained_s(turn) <= turn.elapsed_s / turn.n_runs


def test_without_transfers_a_rate_is_that_of_runs_in_a_row() -> None:
    turn = Turn(
        device="d", n_runs=4, latency_s=1, transfer_s=None, elapsed_s=8, overlapped_s=None,
        energy_j=None, wait_share=None, clock_share=None, load=None,
    )  # fmt: skip
    assert sustained_s(turn) == 2.0
    assert sustained_s(replace(turn, overlapped_s=1.5)) == 1.5


def test_waking_up_is_told_apart_where_a_batch_finds_the_device_idle(
    known_device, bench_of, networks, node
) -> None:
    settings = RecordingSettings(
        name="s", rounds=2, batches=(4,), states=(StartState.IDLE, StartState.WARM)
    )
    device = known_device()
    planned = plan(networks[:1], settings)
    bench = bench_of(device, settings=settings)
    measured = {p.name: bench.measure(p) for p in planned.points}
    idle, warm = Summariser(settings, node, [device]).measurements(planned.points, measured)
    assert idle.wake_ms == pytest.approx(50.0)
    assert idle.latency_ms - warm.latency_ms == pytest.approx(50.0)
    assert (idle.clock_share, idle.idle_s, idle.throughput_per_s) == (0.2, 0.2, None)
    assert (warm.wake_ms, warm.idle_s) == (None, 0.0)


def test_a_meter_gets_the_time_it_needs_and_else_tells_nothing(
    known_device, bench_of, networks, settings
) -> None:
    slow = known_device(least_energy_s=0.5)
    point = plan(networks, settings).points[0]
    turn = bench_of(slow).measure(point).turns[0]
    assert turn.elapsed_s >= 0.5
    assert turn.energy_j is not None
    idle = RecordingSettings(name="s", batches=(1,), states=(StartState.IDLE,), rounds=1)
    point = plan(networks, idle).points[0]
    assert bench_of(slow, settings=idle).measure(point).turns[0].energy_j is None


def test_a_turn_in_which_threads_waited_for_a_cpu_is_repeated_and_marked(
    known_device, clock, tmp_path, settings, networks
) -> None:
    import os

    device = known_device()
    task = tmp_path / str(os.getpid()) / "task" / "1"
    task.mkdir(parents=True)
    waited = {"ns": 0}

    def advance(inputs):
        waited["ns"] += waited_per_run
        (task / "schedstat").write_text(f"1 {waited['ns']} 1\n")
        return run(inputs)

    (task / "schedstat").write_text("1 0 1\n")
    run, device.run = device.run, advance
    taker = TurnTaker(settings, proc=tmp_path, sleep=clock.sleep, clock_s=clock)
    inputs = {"x": [0.0]}
    waited_per_run = 0
    assert not taker.take(device, device, inputs, StartState.WARM).is_contended(0.05)
    runs_before = len(device.batches)
    waited_per_run = 1_000_000  # of 2.1 ms
    turn = taker.take(device, device, inputs, StartState.WARM)
    assert turn.wait_share == pytest.approx(1 / 2.1, rel=0.01)
    assert turn.is_contended(0.05)
    assert len(device.batches) - runs_before == settings.tries * (3 * turn.n_runs + 2)


def test_what_cannot_be_seen_is_not_called_contended() -> None:
    turn = Turn(
        device="d", n_runs=1, latency_s=1, transfer_s=None, elapsed_s=1, overlapped_s=None,
        energy_j=None, wait_share=None, clock_share=None, load=None,
    )  # fmt: skip
    assert not turn.is_contended(0.0)


def test_a_recording_that_was_stopped_goes_on_where_it_was(
    known_device, bench_of, networks, settings, tmp_path
) -> None:
    planned = plan(networks, settings)
    device = known_device()

    def stop_at_third(done: int, _total: int, _text: str) -> None:
        if done == 3:
            raise KeyboardInterrupt

    journal = Journal(tmp_path / "small.journal.jsonl")
    journal.begin({"name": "small"})
    with pytest.raises(KeyboardInterrupt):
        record(planned, bench_of(device), journal, stop_at_third)
    kept = dict(journal.finished)
    assert list(kept) == [point.name for point in planned.points[:3]]
    with journal.path.open("a") as file:
        file.write('{"point": "cut o')  # as a crash would leave it
    again = Journal(journal.path)
    again.begin({"name": "small"})
    seen = len(device.batches)
    found = record(planned, bench_of(device), again)
    assert {name: found[name] for name in kept} == kept
    assert list(found) == [point.name for point in planned.points]
    assert len(device.batches) > seen
    third = Journal(journal.path)
    third.begin({"name": "small"})
    assert dict(third.finished) == found


def test_other_settings_do_not_go_on_with_a_recording(tmp_path) -> None:
    Journal(tmp_path / "j").begin({"name": "small", "rounds": 2})
    with pytest.raises(RecordingError, match="another rounds"):
        Journal(tmp_path / "j").begin({"name": "small", "rounds": 3})
    with (tmp_path / "j").open("a") as file:
        file.write('{"point": "p", "turns": [{"of": "another version"}]}\n')
    with pytest.raises(RecordingError, match="another version"):
        Journal(tmp_path / "j").begin({"name": "small", "rounds": 2})
    (tmp_path / "j").write_text("no journal\n")
    with pytest.raises(RecordingError, match="damaged"):
        Journal(tmp_path / "j").begin({"name": "small"})


def test_a_device_that_refuses_a_batch_is_left_out_with_its_reason(
    known_device, bench_of, networks, settings
) -> None:
    small, large = known_device(name="small", most_inputs=1), known_device(name="large")
    measured = bench_of(small, large).measure(plan(networks, settings).points[1])
    assert measured.refused == {"small": "out of memory"}
    assert {turn.device for turn in measured.turns} == {"large"}
