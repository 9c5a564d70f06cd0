from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.madeup.powercap import AMD_RANGE_UJ, MadeUpZone, amd_server, intel_server
from components.telemetry.errors import MeterError, ReadingError
from components.telemetry.rapl import MAX_ZONE_W, RaplPower, wrapped_difference
from components.telemetry.sample import PowerSource

if TYPE_CHECKING:
    from pathlib import Path


class Clock:
    """A clock that goes when it is told."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def spend(clock: Clock, zones: dict[str, MadeUpZone], seconds: float, **joules: float) -> None:
    clock.now_s += seconds
    for zone, spent in joules.items():
        zones[zone.replace("_", "-")].spend(spent)


def test_packages_and_memory_are_added_and_cores_platform_and_mmio_are_not(tmp_path: Path) -> None:
    zones, clock = intel_server(tmp_path), Clock()
    meter = RaplPower(tmp_path, monotonic_s=clock)
    assert sorted(meter.zones) == ["dram", "dram", "package-0", "package-1"]
    spend(clock, zones, 1.0, package_0=60, package_1=50, dram_0=5, dram_1=4)
    spend(clock, zones, 0.0, core_0=40, core_1=30, psys=200, mmio_0=60, mmio_1=50)
    assert meter.energy_j() == pytest.approx(119.0)
    assert meter.source is PowerSource.MEASURED


def test_the_platform_is_read_alone(tmp_path: Path) -> None:
    zones, clock = intel_server(tmp_path), Clock()
    meter = RaplPower(tmp_path, platform=True, monotonic_s=clock)
    spend(clock, zones, 1.0, package_0=60, psys=200)
    assert meter.energy_j() == pytest.approx(200.0)


def test_an_amd_socket_is_read_by_the_same_names(tmp_path: Path) -> None:
    zones, clock = amd_server(tmp_path), Clock()
    meter = RaplPower(tmp_path, monotonic_s=clock)
    assert meter.zones == ("package-0",)
    spend(clock, zones, 1.0, package_0=240, core_0=200)
    assert meter.energy_j() == pytest.approx(240.0)


@given(
    start=st.integers(1, AMD_RANGE_UJ - 1),
    spent=st.lists(st.tuples(st.floats(0.2, 60.0), st.floats(1.0, MAX_ZONE_W)), max_size=12),
)
def test_what_is_read_is_what_was_spent_over_any_number_of_wraps(
    tmp_path_factory: pytest.TempPathFactory, start: int, spent: list[tuple[float, float]]
) -> None:
    zones, clock = amd_server(tmp_path_factory.mktemp("powercap")), Clock()
    zones["package-0"].energy_uj = start
    zones["package-0"].write()
    meter = RaplPower(zones["package-0"].folder.parent, monotonic_s=clock)
    total_j = 0.0
    for seconds, watts in spent:
        joules = 0.99 * seconds * watts
        total_j += joules
        spend(clock, zones, seconds, package_0=joules)
        assert meter.energy_j() == pytest.approx(total_j, abs=1e-3)


@given(st.floats(0, 1e5), st.floats(0, 1e5))
def test_a_difference_over_a_wrap_lies_within_the_range(before: float, after: float) -> None:
    assert 0 <= wrapped_difference(before, after, 1e5) <= 1e5


def test_a_gap_in_which_a_counter_may_have_wrapped_twice_is_an_error_once(tmp_path: Path) -> None:
    zones, clock = amd_server(tmp_path), Clock()
    meter = RaplPower(tmp_path, monotonic_s=clock)
    spend(clock, zones, 90.0, package_0=20_000)
    with pytest.raises(ReadingError, match="wrapped twice"):
        meter.energy_j()
    spend(clock, zones, 1.0, package_0=100)
    assert meter.energy_j() == pytest.approx(100.0)


def test_a_counter_that_was_reset_is_an_error_and_no_wrap(tmp_path: Path) -> None:
    zones, clock = amd_server(tmp_path), Clock()
    spend(clock, zones, 0.0, package_0=30_000)
    meter = RaplPower(tmp_path, monotonic_s=clock)
    clock.now_s += 1
    zones["package-0"].energy_uj = 5
    zones["package-0"].write()
    with pytest.raises(ReadingError, match="reset"):
        meter.energy_j()


def test_a_counter_that_stands_still_is_an_error_and_no_zero(tmp_path: Path) -> None:
    zones, clock = intel_server(tmp_path), Clock()
    meter = RaplPower(tmp_path, monotonic_s=clock)
    spend(clock, zones, 3.0, package_0=10, dram_0=1, dram_1=1)
    with pytest.raises(MeterError, match="package-1 stands still"):
        meter.energy_j()


def test_a_package_that_says_zero_is_refused_and_memory_that_does_is_left_out(
    tmp_path: Path,
) -> None:
    zones = intel_server(tmp_path)
    zones["dram-1"].energy_uj = 0
    zones["dram-1"].write()
    assert sorted(RaplPower(tmp_path).zones) == ["dram", "package-0", "package-1"]
    zones["package-1"].energy_uj = 0
    zones["package-1"].write()
    with pytest.raises(MeterError, match="package-1 says 0 J"):
        RaplPower(tmp_path)


def test_a_forbidden_counter_is_named_with_what_to_do(tmp_path: Path) -> None:
    intel_server(tmp_path)

    def read(path: Path) -> str:
        if path.name == "energy_uj":
            raise PermissionError(13, "Permission denied")
        return path.read_text()

    with pytest.raises(MeterError) as caught:
        RaplPower(tmp_path, read=read)
    assert "energy_uj may be read by root only" in caught.value.found
    assert "chmod g+r" in caught.value.remedy


@pytest.mark.parametrize("text", ["", "many", "1.5"])
def test_a_counter_that_is_no_number_is_an_error(tmp_path: Path, text: str) -> None:
    zones = amd_server(tmp_path)
    (zones["package-0"].folder / "energy_uj").write_text(text)
    with pytest.raises(MeterError, match="energy_uj says"):
        RaplPower(tmp_path)


def test_without_counters_it_says_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(MeterError, match="there is nothing"):
        RaplPower(tmp_path / "absent")
    MadeUpZone(tmp_path / "intel-rapl:0", "psys")
    with pytest.raises(MeterError, match="there is psys"):
        RaplPower(tmp_path)
