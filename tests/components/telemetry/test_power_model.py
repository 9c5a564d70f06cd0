from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.telemetry.errors import MeterError, ReadingError
from components.telemetry.power_model import AVERAGE, EPYC_2, EPYC_3, ModelledPower, vcpu_power
from components.telemetry.sample import PowerSource


class Recorded:
    """CPU times and a clock that say what they are told."""

    def __init__(self, n_cpus: int) -> None:
        self.now_s = 100.0
        self.busy = dict.fromkeys(range(n_cpus), 50.0)

    def busy_s(self) -> dict[int, float]:
        return dict(self.busy)

    def monotonic_s(self) -> float:
        return self.now_s

    def run(self, seconds: float, utilization: float) -> None:
        self.now_s += seconds
        for cpu in self.busy:
            self.busy[cpu] += seconds * utilization


def meter_over(node: Recorded, exponent: float = 1.0) -> ModelledPower:
    return ModelledPower(
        node,
        n_logical=4,
        idle_w=1.0,
        full_w=3.0,
        exponent=exponent,
        monotonic_s=node.monotonic_s,
    )


def test_it_says_that_it_is_modelled() -> None:
    assert meter_over(Recorded(4)).source is PowerSource.MODELLED


def test_energy_is_power_times_time() -> None:
    node = Recorded(4)
    meter = meter_over(node)
    assert meter.energy_j() == 0.0
    node.run(10, 0.0)
    assert meter.energy_j() == pytest.approx(40.0)
    node.run(10, 1.0)
    assert meter.energy_j() == pytest.approx(40.0 + 120.0)
    node.run(10, 0.5)
    assert meter.energy_j() == pytest.approx(160.0 + 80.0)


def test_reading_twice_in_one_instant_adds_nothing() -> None:
    node = Recorded(4)
    meter = meter_over(node)
    meter.energy_j()
    node.run(10, 0.5)
    assert meter.energy_j() == meter.energy_j()


def test_below_exponent_1_the_first_load_costs_most() -> None:
    power_w = meter_over(Recorded(4), exponent=0.6).power_w
    assert power_w([0.0] * 4) == 4.0
    assert power_w([1.0] * 4) == 12.0
    first, second = power_w([0.5] * 4) - power_w([0.0] * 4), power_w([1.0] * 4) - power_w([0.5] * 4)
    assert first > second > 0


@given(st.lists(st.tuples(st.floats(0.1, 60), st.floats(0, 1)), max_size=20))
def test_energy_never_falls_and_stays_between_idle_and_full(
    spans: list[tuple[float, float]],
) -> None:
    node = Recorded(4)
    meter = meter_over(node)
    last_j = meter.energy_j()
    for seconds, utilization in spans:
        node.run(seconds, utilization)
        now_j = meter.energy_j()
        assert 4.0 * seconds * 0.999 <= now_j - last_j <= 12.0 * seconds * 1.001
        last_j = now_j


def test_counters_that_were_reset_are_an_error_once_then_it_goes_on() -> None:
    node = Recorded(4)
    meter = meter_over(node)
    meter.energy_j()
    node.busy = dict.fromkeys(range(4), 0.0)
    node.now_s += 10
    with pytest.raises(ReadingError):
        meter.energy_j()
    node.run(10, 1.0)
    assert meter.energy_j() == pytest.approx(120.0)


@pytest.mark.parametrize(
    ("idle_w", "full_w", "exponent", "n_logical"),
    [
        (-1, 3, 1, 4),
        (3, 3, 1, 4),
        (1, float("inf"), 1, 4),
        (1, 3, 0, 4),
        (1, 3, 2, 4),
        (1, 3, 1, 0),
    ],
)
def test_figures_that_cannot_be_are_refused(
    idle_w: float, full_w: float, exponent: float, n_logical: int
) -> None:
    with pytest.raises(MeterError):
        ModelledPower(
            Recorded(4), n_logical=n_logical, idle_w=idle_w, full_w=full_w, exponent=exponent
        )


@pytest.mark.parametrize(
    ("cpu_model", "figures"),
    [
        ("AMD EPYC 7502 32-Core Processor", EPYC_2),
        ("AMD EPYC 7B12", EPYC_2),
        ("AMD EPYC 7763 64-Core Processor", EPYC_3),
        ("AMD EPYC 7601 32-Core Processor", AVERAGE),
        ("AMD EPYC 9654 96-Core Processor", AVERAGE),
        ("Intel(R) Xeon(R) Platinum 8272CL CPU @ 2.60GHz", AVERAGE),
        ("", AVERAGE),
    ],
)
def test_figures_are_chosen_by_the_name_of_the_cpu(cpu_model: str, figures: object) -> None:
    assert vcpu_power(cpu_model) == figures
