"""Frequencies on made-up sysfs trees: set, refused, read back, put back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from components.actuation.errors import ApplyError, RefusedError
from components.actuation.frequency import Frequencies
from components.actuation.journal import Restoration
from components.madeup.sysfs import write_node
from components.node.frequency import FrequencyWish, Knob, frequency_folders, read_knob
from components.node.topology import grid_topology

if TYPE_CHECKING:
    from pathlib import Path

NODE = grid_topology(sockets=1, l3_per_socket=1, cores_per_l3=2, threads_per_core=2)
WISH = FrequencyWish("powersave", "balance_power", 1000, 2400)


@pytest.fixture
def sysfs(tmp_path: Path) -> Path:
    write_node(tmp_path, NODE, cpu_model="x", governor="performance")
    return tmp_path / "sys"


def in_force(sysfs: Path) -> set[tuple[str | None, ...]]:
    return {tuple(read_knob(f, knob) for knob in Knob) for f in frequency_folders(sysfs)}


def test_all_cpus_are_set_and_get_back_what_they_had(sysfs: Path, tmp_path: Path) -> None:
    before = in_force(sysfs)
    Frequencies(sysfs, tmp_path / "journal").set(WISH)
    assert in_force(sysfs) == {("powersave", "balance_power", "1000000", "2400000")}
    left_behind = Frequencies(sysfs, tmp_path / "journal")  # as after a crash
    assert {one.outcome for one in left_behind.restore_all()} == {Restoration.RESTORED}
    assert in_force(sysfs) == before
    assert left_behind.restore_all() == ()


@pytest.mark.parametrize(
    ("wish", "found"),
    [
        (FrequencyWish(governor="turbo"), "'turbo' is none of performance, powersave"),
        (FrequencyWish(preference="eco"), "'eco' is none of default, performance"),
        (FrequencyWish(most_mhz=5000), "5000 MHz are outside 800 to 3500 MHz"),
    ],
)
def test_what_the_node_cannot_do_is_refused_and_nothing_is_written(
    sysfs: Path, tmp_path: Path, wish: FrequencyWish, found: str
) -> None:
    before = in_force(sysfs)
    with pytest.raises(RefusedError, match=found):
        Frequencies(sysfs, tmp_path / "journal").set(wish)
    assert in_force(sysfs) == before
    assert not (tmp_path / "journal").exists()


def test_where_there_is_no_scaling_or_no_such_knob_it_says_so(sysfs: Path, tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="scales no frequency here"):
        Frequencies(tmp_path / "none", tmp_path / "journal").set(WISH)
    (frequency_folders(sysfs)[0] / Knob.PREFERENCE).unlink()
    with pytest.raises(RefusedError, match=f"has no {Knob.PREFERENCE}"):
        Frequencies(sysfs, tmp_path / "journal").set(WISH)


def test_a_kernel_that_keeps_its_own_value_is_believed(sysfs: Path, tmp_path: Path) -> None:
    deaf = frequency_folders(sysfs)[-1] / Knob.GOVERNOR
    deaf.unlink()
    deaf.symlink_to("/dev/null")
    with pytest.raises(ApplyError, match="in force is"):
        Frequencies(sysfs, tmp_path / "journal").set(WISH)


def test_bounds_never_cross_on_their_way(sysfs: Path, tmp_path: Path) -> None:
    frequencies = Frequencies(sysfs, tmp_path / "journal")
    frequencies.set(FrequencyWish(least_mhz=3000, most_mhz=3400))
    frequencies.set(FrequencyWish(least_mhz=900, most_mhz=1000))
    assert {row[2:] for row in in_force(sysfs)} == {("900000", "1000000")}
    frequencies.restore_all()
    assert {row[2:] for row in in_force(sysfs)} == {("800000", "3500000")}


def test_what_someone_else_sets_stays(sysfs: Path, tmp_path: Path) -> None:
    frequencies = Frequencies(sysfs, tmp_path / "journal")
    frequencies.set(WISH)
    other = frequency_folders(sysfs)[0]
    (other / Knob.GOVERNOR).write_text("performance")
    (line,) = frequencies.adopt_foreign(WISH)
    assert "someone else set scaling_governor" in line
    (other / Knob.GOVERNOR).write_text("schedutil")
    frequencies.restore_all()
    assert read_knob(other, Knob.GOVERNOR) == "schedutil"
    assert read_knob(other, Knob.MOST) == "3500000"
