"""A device switch under load: real containers, a real nginx and a real HAProxy, killed anywhere."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from components.actuation.errors import ApplyError, JournalError, RefusedError
from components.actuation.replacement import Replacement, Stage, Timing
from components.actuation.replacement_clone import Devices
from components.actuation.replacement_journal import ReplacementJournal
from components.actuation.router import RouterKind
from components.errors import JoulepilotError

DEVICE = next((d for d in ("/dev/fuse", "/dev/net/tun", "/dev/kvm") if Path(d).exists()), "")
PORT = 8000
pytestmark = [pytest.mark.docker, pytest.mark.slow]


@pytest.mark.parametrize("kind", list(RouterKind))
def test_a_container_gets_a_device_without_one_failed_request(make_site, kind: RouterKind) -> None:
    site = make_site(kind, "--env", "A=1", "--volume", "/var/cache", "--cpuset-cpus", "0")
    before = site.containers.inspect(site.name)
    load = site.load()
    try:
        site.replace()
        load.wait_for(50)
    finally:
        load.end()
    after = site.containers.inspect(site.name)
    assert load.failures == []
    assert load.n_answered > 100
    assert site.is_in_order()
    assert after["Id"] != before["Id"]
    assert [device["PathOnHost"] for device in after["HostConfig"]["Devices"]] == [DEVICE]
    assert after["HostConfig"]["RestartPolicy"] == before["HostConfig"]["RestartPolicy"]
    assert after["HostConfig"]["CpusetCpus"] == "0"
    assert "A=1" in after["Config"]["Env"]
    assert _volumes(after) == _volumes(before)


STAGES = [stage for stage in Stage if stage is not Stage.DONE]


def test_killed_after_any_step_it_is_ended_by_the_next_and_no_request_is_lost(make_site) -> None:
    site = make_site(RouterKind.NGINX)
    load, commit = site.load(), STAGES.index(Stage.POINTED)
    try:
        for number, stage in enumerate(STAGES):
            before = site.containers.inspect(site.name)
            site.replace(killed_at=stage)
            carried = site.replacement().recover()
            assert site.is_in_order(), stage
            assert (carried is not None) == (number >= commit), stage
            after = site.containers.inspect(site.name)
            assert (after["Id"] == before["Id"]) == (number < commit), stage
            assert after["HostConfig"]["RestartPolicy"]["Name"] == "on-failure", stage
            assert site.replacement().recover() is None
    finally:
        load.end()
    assert load.failures == []
    assert load.n_answered > 500


def test_haproxy_killed_at_the_commit_is_carried_through(make_site) -> None:
    site = make_site(RouterKind.HAPROXY)
    load = site.load()
    try:
        site.replace(killed_at=Stage.POINTED)
        assert site.replacement().recover() is not None
    finally:
        load.end()
    assert site.is_in_order()
    assert load.failures == []


def test_by_command_one_that_was_interrupted_is_ended_with_no_more_than_its_home(
    make_site,
) -> None:
    site = make_site(RouterKind.NGINX)
    site.replace(killed_at=Stage.RELOADED)
    home = site.folder / "home"
    (home / "node").mkdir(parents=True)
    (site.folder / "replacement.json").rename(home / "node/replacement.json")
    command = [sys.executable, "-m", "components.executor", "replace", site.name, "--recover"]
    for said in ("is now", "nothing was interrupted"):
        done = subprocess.run(
            [*command, "--home", str(home)], capture_output=True, text=True, check=True
        )
        assert said in done.stdout.splitlines()[-1]
    assert site.is_in_order()


def test_a_new_container_that_never_becomes_ready_is_taken_back(make_site) -> None:
    site = make_site(RouterKind.NGINX)
    before = site.containers.inspect(site.name)
    journal = ReplacementJournal(site.folder / "replacement.json")
    hasty = Replacement(site.containers, site.router, journal, timing=Timing(ready_s=0.5))
    with pytest.raises(ApplyError, match=r"/never.*answers 404"):
        hasty.replace(site.name, Devices(), port=PORT, ready="/never")
    assert site.is_in_order()
    assert site.containers.inspect(site.name)["Id"] == before["Id"]
    assert journal.read() is None


def test_a_device_that_is_gone_leaves_the_old_container_serving(make_site, tmp_path) -> None:
    device = tmp_path / "device"
    os.mknod(device, stat.S_IFCHR | 0o666, os.makedev(1, 3))
    site = make_site(RouterKind.NGINX, "--device", str(device))
    before, load = site.containers.inspect(site.name), site.load()
    device.unlink()
    try:
        for path in (str(device), "/dev/joulepilot-never-was"):
            with pytest.raises(JoulepilotError, match="no such file or directory"):
                site.replacement().replace(
                    site.name, Devices(paths=(path,)), port=PORT, ready="/index.html"
                )
            assert site.is_in_order()
    finally:
        load.end()
    assert load.failures == []
    assert site.containers.inspect(site.name)["Id"] == before["Id"]
    assert site.replacement().recover() is None


def test_what_cannot_be_cloned_is_refused_before_anything_is_changed(
    make_site, free_port: int
) -> None:
    site = make_site(RouterKind.NGINX, "--publish", f"127.0.0.1:{free_port}:{PORT}")
    with pytest.raises(RefusedError, match="fixed port"):
        site.replace()
    site.file.write_text(site.file.read_text().replace(f":{PORT}", ":1"))
    with pytest.raises(RefusedError):
        site.replace()
    assert site.names() == [site.name]


def test_a_damaged_journal_stops_it_and_says_what_to_look_at(make_site) -> None:
    site = make_site(RouterKind.NGINX)
    (site.folder / "replacement.json").write_text("{")
    with pytest.raises(JournalError) as caught:
        site.replace()
    assert "joulepilot-internal.replaces" in caught.value.remedy
    assert site.names() == [site.name]


def _volumes(inspected) -> list[str]:
    return sorted(str(mount["Name"]) for mount in inspected["Mounts"])
