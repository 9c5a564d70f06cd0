from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from components.actuation.cgroups import Cgroup, find_cgroup
from components.actuation.errors import ContainerGoneError, HostAwayError

if TYPE_CHECKING:
    from pathlib import Path

ID = "9cdffedcecb6"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n")


def _find(root: Path, lines: str) -> Cgroup:
    _write(root / "proc/7/cgroup", lines)
    return find_cgroup(root / "cgroup", root / "proc", 7, ID)


def test_version_1_has_a_folder_for_each_controller(tmp_path: Path) -> None:
    (tmp_path / "cgroup/cpuset/docker" / ID).mkdir(parents=True)
    _write(tmp_path / "cgroup/cpuacct/docker" / ID / "cpuacct.usage", "2500000000")
    cgroup = _find(tmp_path, f"9:name=systemd:/x\n3:cpuset:/docker/{ID}\n2:cpuacct:/docker/{ID}")
    assert cgroup.cpuset == tmp_path / "cgroup/cpuset/docker" / ID
    assert cgroup.cpu_time_s() == 2.5


def test_version_1_controllers_may_share_a_mount(tmp_path: Path) -> None:
    (tmp_path / "cgroup/cpuset/docker" / ID).mkdir(parents=True)
    _write(tmp_path / "cgroup/cpu,cpuacct/docker" / ID / "cpuacct.usage", "1000000000")
    cgroup = _find(tmp_path, f"3:cpuset:/docker/{ID}\n2:cpu,cpuacct:/docker/{ID}\n0::/")
    assert cgroup.cpu_time_s() == 1.0


def test_a_first_process_that_moved_below_does_not_hide_its_container(tmp_path: Path) -> None:
    scope = f"system.slice/docker-{ID}.scope"
    (tmp_path / "cgroup" / scope / "init.scope").mkdir(parents=True)
    assert _find(tmp_path, f"0::/{scope}/init.scope").cpuset == tmp_path / "cgroup" / scope


def test_a_plain_process_has_the_cgroup_it_is_in(tmp_path: Path) -> None:
    (tmp_path / "cgroup/user.slice/a").mkdir(parents=True)
    assert _find(tmp_path, "0::/user.slice/a").cpuset == tmp_path / "cgroup/user.slice/a"
    assert _find(tmp_path, "0::/").cpuset == tmp_path / "cgroup"


def test_without_the_controller_the_cgroup_above_says_what_is_effective(tmp_path: Path) -> None:
    _write(tmp_path / "cgroup/cpuset.cpus.effective", "0-7")
    _write(tmp_path / "cgroup/user.slice/cpuset.cpus.effective", "0-3")
    (tmp_path / "cgroup/user.slice/a/b").mkdir(parents=True)
    cgroup = _find(tmp_path, "0::/user.slice/a/b")
    assert cgroup.effective_cpus() == cgroup.parent_cpus() == {0, 1, 2, 3}


def test_a_cgroup_that_vanished_has_not_the_cpus_of_the_one_above(tmp_path: Path) -> None:
    _write(tmp_path / "cgroup/cpuset.cpus.effective", "0-7")
    (tmp_path / "cgroup/a").mkdir()
    cgroup = _find(tmp_path, "0::/a")
    (tmp_path / "cgroup/a").rmdir()
    with pytest.raises(ContainerGoneError):
        cgroup.effective_cpus()
    with pytest.raises(ContainerGoneError):
        cgroup.cpu_time_s()


def test_no_file_up_to_the_root_is_told_and_none_above_it_is_read(tmp_path: Path) -> None:
    _write(tmp_path / "cpuset.cpus.effective", "0-7")
    (tmp_path / "cgroup/a").mkdir(parents=True)
    with pytest.raises(HostAwayError, match="no cgroup from there up to"):
        _find(tmp_path, "0::/a").effective_cpus()


@pytest.mark.parametrize("lines", ["3:cpuset:/a", "2:memory:/a", ""])
def test_a_host_without_the_controllers_is_told(tmp_path: Path, lines: str) -> None:
    with pytest.raises(HostAwayError, match="boot the host with these controllers"):
        _find(tmp_path, lines)


def test_a_cgroup_of_another_view_is_told(tmp_path: Path) -> None:
    with pytest.raises(HostAwayError, match="run on the host itself"):
        _find(tmp_path, "0::/../elsewhere")


def test_no_process_is_no_container(tmp_path: Path) -> None:
    with pytest.raises(ContainerGoneError):
        find_cgroup(tmp_path / "cgroup", tmp_path / "proc", 7, ID)


def test_processes_below_belong_to_it(tmp_path: Path) -> None:
    _write(tmp_path / "cgroup/a/cgroup.procs", "7\n8")
    _write(tmp_path / "cgroup/a/b/cgroup.procs", "9")
    _write(tmp_path / "cgroup/c/cgroup.procs", "10")
    assert sorted(_find(tmp_path, "0::/a").pids() or ()) == [7, 8, 9]
