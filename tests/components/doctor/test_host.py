from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from components.doctor.finding import Level
from components.doctor.host import check_host
from components.doctor.meters import check_meters
from components.madeup.powercap import amd_server

if TYPE_CHECKING:
    from pathlib import Path


def levels(machine, about: str) -> list[Level]:
    return [one.level for one in check_host(machine.roots) if one.about == about]


def found(machine, about: str) -> str:
    return "\n".join(one.found for one in check_host(machine.roots) if one.about == about)


def test_a_machine_in_order_has_nothing_to_complain_of(machine) -> None:
    assert {one.level for one in check_host(machine.roots)} == {Level.OK}
    assert {one.about for one in check_host(machine.roots)} == {
        "cgroups", "CPUs", "governor", "frequency", "SMT", "clock", "other writers",
    }  # fmt: skip


def test_what_frequency_could_be_set_is_told(machine) -> None:
    shutil.rmtree(machine.roots.sysfs, ignore_errors=True)
    assert found(machine, "frequency") == "none to set"
    folder = "sys/devices/system/cpu/cpu0/cpufreq"
    machine.write(f"{folder}/scaling_governor", "schedutil")
    machine.write(f"{folder}/scaling_max_freq", "2400000")
    assert found(machine, "frequency") == "scaling_governor schedutil, scaling_max_freq 2400000"


def test_cgroups_without_cpuset_are_a_problem(machine) -> None:
    machine.write("cgroup/cgroup.controllers", "cpu memory")
    assert levels(machine, "cgroups") == [Level.PROBLEM]
    shutil.rmtree(machine.folder / "cgroup")
    assert levels(machine, "cgroups") == [Level.PROBLEM]
    (machine.folder / "cgroup/cpuset").mkdir(parents=True)
    assert found(machine, "cgroups") == "version 1 with cpuset"


@pytest.mark.parametrize(
    "file", ["cgroup/docker/cpuset.cpus.effective", "cgroup/cpuset/docker/cpuset.effective_cpus"]
)
def test_a_narrowed_parent_is_told_with_both_sets(machine, file: str) -> None:
    machine.write(file, "0-3")
    assert "0-3 of 0-7" in found(machine, "cgroup docker")
    machine.write(file, "0-7")
    assert levels(machine, "cgroup docker") == []


@pytest.mark.parametrize(
    ("names", "driver", "level"),
    [
        (("powersave",), "acpi-cpufreq", Level.ADVICE),
        (("powersave",), "intel_pstate", Level.OK),
        (("performance",), "acpi-cpufreq", Level.OK),
        (("performance", "powersave"), "acpi-cpufreq", Level.ADVICE),
    ],
)
def test_governors_that_slow_or_differ_are_told(
    machine, names: tuple[str, ...], driver: str, level: Level
) -> None:
    machine.governor(*names, driver=driver)
    assert levels(machine, "governor") == [level]


def test_a_clock_that_nobody_keeps_is_told(machine) -> None:
    machine.program(2, "sleep")
    assert levels(machine, "clock") == [Level.ADVICE]
    machine.write("run/systemd/timesync/synchronized", "")
    assert levels(machine, "clock") == [Level.OK]


def test_another_writer_of_cpusets_is_a_problem_with_its_process(machine) -> None:
    machine.program(77, "kubelet")
    assert levels(machine, "other writers") == [Level.PROBLEM]
    assert "process 77" in found(machine, "other writers")


def test_a_meter_that_stands_still_or_is_absent_is_told_and_the_model_named(
    tmp_path: Path,
) -> None:
    amd_server(tmp_path / "powercap")
    told = {one.about: one for one in check_meters(tmp_path / "powercap", ("rapl", "psys"))}
    assert "stands still" in told["meter rapl"].found
    assert "there is package-0" in told["meter psys"].found
    assert "modelled" in told["power"].found
