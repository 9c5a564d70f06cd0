from __future__ import annotations

import pytest

from components.madeup.nvml import MadeUpGpu, MadeUpNvml
from components.telemetry.errors import MeterError, ReadingError
from components.telemetry.nvml import NvmlPower

pynvml = pytest.importorskip("pynvml", reason="pip install joulepilot[gpu]")


def test_the_energy_of_all_processors_is_added_in_joules() -> None:
    first, second = MadeUpGpu(energy_mj=5_000), MadeUpGpu(energy_mj=9_000)
    meter = NvmlPower(MadeUpNvml(first, second))
    first.energy_mj, second.energy_mj = 7_500, 9_250
    assert meter.energy_j() == pytest.approx(2.75)


def test_clock_power_and_state_are_read_and_what_is_not_said_is_none() -> None:
    gpus = NvmlPower(MadeUpNvml(MadeUpGpu(), MadeUpGpu(power_mw=None, p_state=None))).gpus()
    assert gpus[0].power_w == 60.0
    assert gpus[0].p_state == "P8"
    assert gpus[0].clock_share == pytest.approx(345 / 1980)
    assert gpus[1].power_w is None
    assert gpus[1].p_state is None


def test_a_counter_that_fell_is_an_error_and_counting_goes_on_from_there() -> None:
    gpu = MadeUpGpu(energy_mj=5_000)
    meter = NvmlPower(MadeUpNvml(gpu))
    gpu.energy_mj = 8_000
    assert meter.energy_j() == pytest.approx(3.0)
    gpu.energy_mj = 10
    with pytest.raises(ReadingError, match="fell"):
        meter.energy_j()
    gpu.energy_mj = 1_010
    assert meter.energy_j() == pytest.approx(4.0)


@pytest.mark.parametrize(
    ("library", "found"),
    [
        (MadeUpNvml(MadeUpGpu(), has_driver=False), "Driver Not Loaded"),
        (MadeUpNvml(), "no processor"),
        (MadeUpNvml(MadeUpGpu(energy_mj=None)), "older than Volta"),
        (MadeUpNvml(MadeUpGpu(is_lost=True)), "lost"),
    ],
)
def test_what_cannot_be_measured_is_absent_with_the_reason(library: MadeUpNvml, found: str) -> None:
    with pytest.raises(MeterError, match=found):
        NvmlPower(library)


def test_the_made_up_library_has_the_names_of_the_real_one() -> None:
    ours = {name for name in dir(MadeUpNvml) if name.lower().startswith("nvml")}
    assert len(ours) >= 12
    assert ours <= set(dir(pynvml))
    assert issubclass(pynvml.NVMLError_GpuIsLost, pynvml.NVMLError)


def test_the_real_library_either_measures_or_says_what_to_do() -> None:
    remedy = ""
    try:
        meter = NvmlPower()
    except MeterError as error:
        remedy = error.remedy
    else:
        remedy = f"{meter.energy_j():.0f} J"
        meter.close()
    assert remedy
