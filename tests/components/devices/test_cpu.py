from pathlib import Path

import pytest

from components.devices.cpu import OwnCpuTimes, cpu_model, cpu_state
from components.telemetry.power_model import ModelledPower


def test_power_as_if_we_were_alone_is_idle_plus_our_cpu_time() -> None:
    clock = {"wall": 0.0, "cpu": 0.0}
    meter = ModelledPower(
        OwnCpuTimes(4, lambda: clock["cpu"]),
        n_logical=4,
        idle_w=1.0,
        full_w=5.0,
        monotonic_s=lambda: clock["wall"],
    )
    assert meter.energy_j() == 0.0
    clock["wall"], clock["cpu"] = 10.0, 15.0
    assert meter.energy_j() == pytest.approx(4 * 1.0 * 10 + (5.0 - 1.0) * 15)


def test_clock_and_load_are_read_where_the_kernel_shows_them(tmp_path: Path) -> None:
    cpufreq = tmp_path / "devices/system/cpu/cpu0/cpufreq"
    cpufreq.mkdir(parents=True)
    (cpufreq / "scaling_cur_freq").write_text("1200000\n")
    (cpufreq / "cpuinfo_max_freq").write_text("3000000\n")
    (tmp_path / "loadavg").write_text("0.5 0.4 0.3 1/200 4242\n")
    state = cpu_state(proc=tmp_path, sysfs=tmp_path)
    assert state.clock_share == pytest.approx(0.4)
    assert state.load == 0.0


def test_what_the_kernel_does_not_show_is_no_number(tmp_path: Path) -> None:
    state = cpu_state(proc=tmp_path, sysfs=tmp_path)
    assert (state.clock_share, state.load, state.p_state) == (None, None, None)
    assert cpu_model(tmp_path) == ""
