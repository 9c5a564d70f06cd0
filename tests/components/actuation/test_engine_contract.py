"""One suite against the engine of this machine and the one made up for tests: they do not differ.

What other tests take from the made-up engine holds for real ones as far as it is asked here.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from components.actuation.docker_host import DockerHost
from components.actuation.engine_api import EngineApi
from components.actuation.errors import ContainerGoneError, RefusedError
from components.node.cpuset import format_cpu_list
from components.node.topology import read_online

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

IMAGE = "joulepilot-contract:latest"
SOCKET = Path("/var/run/docker.sock")
UPDATE = "/containers/{}/update"
FAKE = ("made up, cgroup v1", "made up, cgroup v2")


@dataclass
class Engine:
    """An engine with one running container, and how to stop or remove that behind our back."""

    api: EngineApi
    host: DockerHost
    container: str
    cpus: frozenset[int]
    stop: Callable[[], object]
    remove: Callable[[], object]

    @property
    def one(self) -> frozenset[int]:
        return frozenset({min(self.cpus)})

    def inspected(self) -> Any:
        return self.api.get(f"/containers/{self.container}/json")


@pytest.fixture(params=[*FAKE, pytest.param("real", marks=pytest.mark.docker)])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    if request.param == "real":
        yield from _real()
    else:
        make = request.getfixturevalue("make_engine")
        yield from _made_up(*make(tmp_path, 1 + FAKE.index(request.param)))


def _made_up(engine: Any, server: Any) -> Iterator[Engine]:
    root = engine.root
    socket = root / "docker.sock"
    places = {"proc": root / "proc", "sysfs": root / "sys", "cgroup": root / "cgroup"}
    host, api = DockerHost(socket, timeout_s=5.0, **places), EngineApi(socket, 5.0)
    container = engine._inspection()["Id"]

    def remove() -> None:
        engine.is_removed = True

    yield Engine(api, host, container, frozenset(range(8)), engine.stop, remove)
    host.close()
    api.close()
    server.stop()


def _real() -> Iterator[Engine]:
    if shutil.which("busybox") is None or os.cpu_count() == 1:
        pytest.skip("needs busybox (apt-get install busybox-static) and 2 CPUs")
    _make_image()
    name = f"joulepilot-contract-{uuid.uuid4().hex[:8]}"
    command = ["--stop-signal", "SIGKILL", IMAGE, "/bin/busybox", "sleep", "600"]
    container = _docker("run", "-d", "--name", name, *command)
    host, api = DockerHost(), EngineApi(SOCKET, 20.0)
    try:
        yield Engine(
            api,
            host,
            container,
            read_online(Path("/sys")),
            lambda: _docker("stop", container),
            lambda: _docker("rm", "-f", container),
        )
    finally:
        host.close()
        api.close()
        subprocess.run(["docker", "rm", "-f", container], capture_output=True, check=False)


def test_the_list_has_what_we_read_of_it_in_the_same_form(either: Engine) -> None:
    rows: Any = either.api.get("/containers/json")
    (row,) = [row for row in rows if row["Id"] == either.container]

    assert {type(row[key]) for key in ("Id", "Image", "ImageID", "State")} == {str}
    assert row["State"] == "running"
    assert row["Names"][0].startswith("/")
    assert isinstance(row["Labels"], dict)
    assert isinstance(row["HostConfig"]["NetworkMode"], str)
    (network,) = row["NetworkSettings"]["Networks"].values()
    assert network["IPAddress"].count(".") == 3


def test_an_inspection_has_what_we_read_of_it_in_the_same_form(either: Engine) -> None:
    said = either.inspected()

    assert said["Id"] == either.container
    assert said["State"]["Running"] is True
    assert said["State"]["Pid"] > 0
    assert said["HostConfig"]["CpusetCpus"] == ""
    either.stop()
    said = either.inspected()
    assert (said["State"]["Running"], said["State"]["Pid"]) == (False, 0)


def test_an_update_is_answered_and_done_and_an_empty_one_changes_nothing(either: Engine) -> None:
    path, text = UPDATE.format(either.container), format_cpu_list(either.one)

    answers = [either.api.post(path, {"CpusetCpus": cpus}) for cpus in (text, "")]

    assert answers == [{"Warnings": None}] * 2
    assert either.inspected()["HostConfig"]["CpusetCpus"] == text
    assert either.host.effective_cpus(either.container) == either.one


def test_the_literal_text_of_a_setting_is_kept(either: Engine) -> None:
    text = ",".join(str(cpu) for cpu in sorted(either.cpus, reverse=True))

    either.api.post(UPDATE.format(either.container), {"CpusetCpus": text})

    assert either.host.configured_cpus(either.container) == text
    assert either.host.effective_cpus(either.container) == either.cpus


def test_a_stopped_container_takes_a_setting_for_its_next_start(either: Engine) -> None:
    either.stop()

    either.api.post(UPDATE.format(either.container), {"CpusetCpus": "0"})

    assert either.host.configured_cpus(either.container) == "0"
    with pytest.raises(ContainerGoneError, match="not running"):
        either.host.apply(either.container, either.one)


@pytest.mark.parametrize("body", [{"CpusetCpus": "none"}, {"CpusetCpus": "0-"}], ids=str)
def test_text_that_is_no_set_is_refused_by_the_engine(either: Engine, body: object) -> None:
    with pytest.raises(RefusedError, match=r"answered 400: .*[Ii]nvalid"):
        either.api.post(UPDATE.format(either.container), body)

    assert either.host.configured_cpus(either.container) == ""


def test_cpus_that_there_are_not_are_refused_by_the_engine(either: Engine) -> None:
    with pytest.raises(RefusedError, match="answered 400: Requested CPUs are not available"):
        either.api.post(UPDATE.format(either.container), {"CpusetCpus": "4000"})

    assert either.host.effective_cpus(either.container) == either.cpus


def test_what_is_not_there_is_gone(either: Engine) -> None:
    with pytest.raises(ContainerGoneError, match="404: No such container"):
        either.api.get(f"/containers/{'0' * 64}/json")
    either.remove()
    with pytest.raises(ContainerGoneError, match="404: No such container"):
        either.api.post(UPDATE.format(either.container), {"CpusetCpus": "0"})
    assert either.container not in {c.id for c in either.host.containers()}


def test_a_change_is_read_back_and_given_back(either: Engine) -> None:
    assert either.host.apply(either.container, either.one) == either.one
    assert either.host.configured_cpus(either.container) == format_cpu_list(either.one)
    assert either.host.restore(either.container, "") == either.cpus
    assert either.host.effective_cpus(either.container) == either.cpus


def _make_image() -> None:
    there = subprocess.run(["docker", "image", "inspect", IMAGE], capture_output=True, check=False)
    if there.returncode == 0:
        return
    tar = subprocess.run(["tar", "-C", "/", "-ch", "bin/busybox"], capture_output=True, check=True)
    subprocess.run(["docker", "import", "-", IMAGE], input=tar.stdout, check=True)


def _docker(*words: str) -> str:
    done = subprocess.run(["docker", *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()
