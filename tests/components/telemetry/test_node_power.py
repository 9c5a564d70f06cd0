from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from components.madeup.powercap import intel_server
from components.telemetry.attribution import attributed_power_w
from components.telemetry.cpu_times import ProcStat
from components.telemetry.errors import MeterError, ReadingError
from components.telemetry.node_power import RETRY_S, NodePower, Opener
from components.telemetry.power_calibration import PowerCalibration
from components.telemetry.power_model import AVERAGE, ModelledPower, PowerCurve
from components.telemetry.power_order import MODEL, node_power, parse_order
from components.telemetry.rapl import RaplPower
from components.telemetry.sample import PowerSource

if TYPE_CHECKING:
    from pathlib import Path

N_CPUS = 8
TRUE = PowerCurve(5.0, 20.0, 0.5)
PUBLISHED = PowerCurve(0.74, 3.5)


class Node:
    """A node with a clock, CPU times and counters that follow its true curve."""

    def __init__(self, folder: Path) -> None:
        self.now_s = 100.0
        self.busy = dict.fromkeys(range(N_CPUS), 0.0)
        self.zones = intel_server(folder)
        self.folder = folder
        self.is_frozen = False

    def busy_s(self) -> dict[int, float]:
        return dict(self.busy)

    def clock(self) -> float:
        return self.now_s

    def run(self, meter: NodePower, seconds: int, utilization: float) -> float:
        """Run for a while, reading every second; watts by the meter over that time."""
        before = meter.energy_j()
        for _ in range(seconds):
            self.step(1.0, utilization)
            after = meter.energy_j()
        return (after - before) / seconds

    def step(self, seconds: float, utilization: float) -> None:
        self.now_s += seconds
        for cpu in self.busy:
            self.busy[cpu] += seconds * utilization
        if not self.is_frozen:
            joules = TRUE.per_cpu_w(utilization) * N_CPUS * seconds
            for zone in ("package-0", "package-1", "dram-0", "dram-1"):
                self.zones[zone].spend(joules / 4)

    def power(
        self, *, order: tuple[Opener, ...] | None = None, kept: Path | None = None
    ) -> NodePower:
        rapl = Opener("rapl", lambda: RaplPower(self.folder, monotonic_s=self.clock))
        model = ModelledPower(
            self, n_logical=N_CPUS, idle_w=0.74, full_w=3.5, monotonic_s=self.clock
        )
        calibration = PowerCalibration(N_CPUS, PUBLISHED)
        return NodePower(
            (rapl,) if order is None else order,
            model,
            calibration,
            self,
            kept=kept,
            monotonic_s=self.clock,
        )


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path / "powercap")


def absent() -> RaplPower:
    raise MeterError("asked for it", "it is not there", "buy one")


def test_the_first_meter_that_works_is_read_and_the_others_say_why_not(node: Node) -> None:
    rapl = Opener("rapl", lambda: RaplPower(node.folder, monotonic_s=node.clock))
    meter = node.power(order=(Opener("nvml", absent), rapl))
    assert meter.name == "rapl"
    assert meter.source is PowerSource.MEASURED
    assert "it is not there" in meter.failures["nvml"]
    assert node.run(meter, 10, 0.25) == pytest.approx(TRUE.per_cpu_w(0.25) * N_CPUS, rel=1e-6)


def test_without_any_the_model_says_that_it_is_one(node: Node) -> None:
    meter = node.power(order=(Opener("nvml", absent),))
    assert (meter.name, meter.source) == (MODEL, PowerSource.MODELLED)
    assert node.run(meter, 10, 0.0) == pytest.approx(0.74 * N_CPUS)


def test_a_counter_that_freezes_hands_over_to_a_model_that_has_learned_from_it(node: Node) -> None:
    meter = node.power()
    for utilization in (0.02, 0.3, 0.6, 0.9):
        node.run(meter, 60, utilization)
    node.is_frozen = True
    with pytest.raises(ReadingError, match=r"stands still.*model is in force"):
        node.run(meter, 10, 0.5)
    assert meter.source is PowerSource.MODELLED
    assert "stands still" in meter.failures["rapl"]
    learned_w = node.run(meter, 10, 0.5)
    true_w = TRUE.per_cpu_w(0.5) * N_CPUS
    assert learned_w == pytest.approx(true_w, rel=0.05)
    assert abs(PUBLISHED.per_cpu_w(0.5) * N_CPUS - true_w) > 0.5 * true_w
    assert meter.idle_w == pytest.approx(TRUE.idle_w * N_CPUS, rel=0.2)


def test_a_counter_that_comes_back_is_in_force_again_after_one_lost_read(node: Node) -> None:
    meter = node.power()
    node.is_frozen = True
    with pytest.raises(ReadingError):
        node.run(meter, 10, 0.5)
    node.is_frozen = False
    with pytest.raises(ReadingError, match="rapl works again"):
        node.run(meter, int(RETRY_S) + 1, 0.5)
    assert meter.source is PowerSource.MEASURED
    assert node.run(meter, 10, 0.5) == pytest.approx(TRUE.per_cpu_w(0.5) * N_CPUS, rel=1e-6)


def test_what_was_learned_lasts_a_restart_and_a_damaged_file_teaches_nothing(
    node: Node, tmp_path: Path
) -> None:
    kept = tmp_path / "power.json"
    meter = node.power(kept=kept)
    for utilization in (0.02, 0.5, 0.95):
        node.run(meter, 110, utilization)
    assert kept.exists()
    again = node.power(order=(), kept=kept)
    assert node.run(again, 10, 0.5) == pytest.approx(TRUE.per_cpu_w(0.5) * N_CPUS, rel=0.1)
    for damage in ("", "{}", '{"n_logical": 8, "steps": {"a": 1}}', '{"n_logical": 8, "steps": 3}'):
        kept.write_text(damage)
        plain = node.power(order=(), kept=kept)
        assert node.run(plain, 10, 0.0) == pytest.approx(0.74 * N_CPUS)


def test_little_of_the_curve_scales_the_published_shape() -> None:
    calibration = PowerCalibration(4, PUBLISHED)
    calibration.observe(0.5, 4 * 2 * PUBLISHED.per_cpu_w(0.5))
    curve = calibration.curve()
    assert curve.idle_w == pytest.approx(2 * PUBLISHED.idle_w)
    assert curve.full_w == pytest.approx(2 * PUBLISHED.full_w)


def test_an_order_is_read_and_an_unknown_meter_is_named() -> None:
    assert parse_order("rapl+nvml, rapl,model") == ("rapl+nvml", "rapl", "model")
    with pytest.raises(MeterError, match="no meter 'ipmi'"):
        parse_order("rapl+ipmi")


def test_the_shipped_order_finds_processors_where_there_is_no_gpu(tmp_path: Path) -> None:
    (tmp_path / "stat").write_text("cpu0 1 0 0 9 0 0 0 0 0 0\n")
    intel_server(tmp_path / "powercap")
    meter = node_power(
        ProcStat(tmp_path), n_logical=1, watts=AVERAGE, powercap=tmp_path / "powercap"
    )
    assert meter.name in {"rapl", "rapl+nvml"}
    modelled = node_power(
        ProcStat(tmp_path),
        n_logical=1,
        watts=AVERAGE,
        order=("model", "rapl"),
        powercap=tmp_path / "powercap",
    )
    assert modelled.name == MODEL
    assert modelled.failures == {}


def test_a_job_gets_its_share_above_idle_and_idle_belongs_to_nobody() -> None:
    assert attributed_power_w(100.0, 40.0, own_cpu_s=3.0, busy_cpu_s=4.0) == pytest.approx(45.0)
    assert attributed_power_w(30.0, 40.0, own_cpu_s=3.0, busy_cpu_s=4.0) == 0.0
    assert attributed_power_w(100.0, 40.0, own_cpu_s=5.0, busy_cpu_s=4.0) == pytest.approx(60.0)
    assert attributed_power_w(100.0, 40.0, own_cpu_s=0.0, busy_cpu_s=0.0) is None
