"""What a clone is made of, and why some containers have none; the router's file."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from components.actuation.errors import RefusedError, RouterError
from components.actuation.replacement_clone import REPLACES, Devices, clone
from components.actuation.replacement_drain import n_connections
from components.actuation.replacement_journal import ReplacementJournal, Underway
from components.actuation.router import FileRouter, RouterKind
from components.jobs.jobs_file import merge

if TYPE_CHECKING:
    from pathlib import Path

ID = "9cdffedcecb6184b01596b8f7a02421cf86f0602bdf1ee5089925038edbd5136"
INSPECTED: dict[str, Any] = {
    "Id": ID,
    "Name": "/web",
    "Image": "sha256:3402ca",
    "Config": {
        "Hostname": ID[:12],
        "Image": "server:latest",
        "Env": ["A=1"],
        "Labels": {"joulepilot.enable": "true"},
    },
    "HostConfig": {
        "Binds": ["/srv/models:/models:ro"],
        "CpusetCpus": "0-1",
        "NetworkMode": "front",
        "Runtime": "nvidia",
        "DeviceRequests": [{"Driver": "", "Capabilities": [["gpu"]]}],
        "PortBindings": {"8000/tcp": [{"HostIp": "", "HostPort": ""}]},
        "Memory": 1 << 30,
    },
    "Mounts": [
        {"Type": "bind", "Destination": "/models"},
        {"Type": "volume", "Name": "abc", "Destination": "/cache", "RW": True},
    ],
    "NetworkSettings": {
        "Networks": {
            "front": {"Aliases": ["web", ID[:12]], "IPAMConfig": None},
            "back": {"Aliases": None, "IPAMConfig": {}},
        }
    },
}


def changed(**host: Any) -> dict[str, Any]:
    inspected = copy.deepcopy(INSPECTED)
    inspected["HostConfig"].update(host)
    return inspected


def test_a_clone_has_all_but_what_was_the_containers_own() -> None:
    made = clone(INSPECTED, Devices(cdi=("nvidia.com/gpu=0",)), cpuset="")
    body, host = made.body, made.body["HostConfig"]
    assert body["Image"] == "sha256:3402ca"
    assert "Hostname" not in body
    assert body["Labels"] == {"joulepilot.enable": "true", REPLACES: ID}
    assert host["Binds"] == ["/srv/models:/models:ro", "abc:/cache:rw"]
    assert host["DeviceRequests"] == [{"Driver": "cdi", "DeviceIDs": ["nvidia.com/gpu=0"]}]
    assert host["Runtime"] == ""
    assert host["Memory"] == 1 << 30
    assert host["CpusetCpus"] == ""
    assert body["NetworkingConfig"]["EndpointsConfig"]["front"]["Aliases"] == ["web"]
    assert list(made.further_networks) == ["back"]


def test_a_given_hostname_stays_and_devices_go_when_none_are_asked_for() -> None:
    inspected = copy.deepcopy(INSPECTED)
    inspected["Config"]["Hostname"] = "named"
    made = clone(inspected, Devices())
    assert made.body["Hostname"] == "named"
    assert made.body["HostConfig"]["DeviceRequests"] == []
    assert made.body["HostConfig"]["Devices"] == []
    assert made.body["HostConfig"]["CpusetCpus"] == "0-1"


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ({"AutoRemove": True}, "--rm"),
        ({"NetworkMode": "container:abc"}, "NetworkMode is that of another"),
        ({"PidMode": "container:abc"}, "PidMode is that of another"),
        ({"NetworkMode": "host"}, "host's network"),
        ({"Links": ["/db:/web/db"]}, "links"),
        ({"PortBindings": {"8000/tcp": [{"HostPort": "80"}]}}, r"fixed port 80 .*\(8000/tcp\)"),
    ],
)
def test_what_cannot_be_twice_on_a_host_is_refused(host: dict[str, Any], reason: str) -> None:
    with pytest.raises(RefusedError, match=reason):
        clone(changed(**host), Devices())


def test_fixed_addresses_swarm_tasks_and_shared_networks_are_refused_all_at_once() -> None:
    inspected = changed(AutoRemove=True)
    inspected["NetworkSettings"]["Networks"]["front"]["IPAMConfig"] = {"IPv4Address": "10.0.0.9"}
    inspected["Config"]["Labels"]["com.docker.swarm.task.id"] = "x"
    sharing = {"Names": ["/sidecar"], "HostConfig": {"NetworkMode": f"container:{ID}"}}
    with pytest.raises(RefusedError) as caught:
        clone(inspected, Devices(), others=[sharing])
    for reason in ("--rm", "fixed address in the network front", "Swarm", "sidecar lives in"):
        assert reason in caught.value.found


def test_a_journal_gives_back_what_it_was_told_and_is_empty_after(tmp_path: Path) -> None:
    journal = ReplacementJournal(tmp_path / "deep/replacement.json")
    underway = Underway(
        name="web",
        old_id=ID,
        old_address="10.0.0.2:8000",
        restart_policy="on-failure",
        restart_retries=3,
        port=8000,
        router="nginx",
        backend="web",
        route_file="/etc/nginx/routes/web.conf",
        reload_command=("nginx", "-s", "reload"),
    )
    assert journal.read() is None
    journal.write(underway)
    assert journal.read() == underway
    journal.clear()
    assert journal.read() is None


def test_connections_are_counted_by_port_and_state(tmp_path: Path) -> None:
    head = "  sl  local_address rem_address   st"
    rows = ["0: 0100007F:1F40 0:1 01", "1: 0100007F:1F40 0:2 06", "2: 0100007F:0050 0:3 01"]
    assert n_connections(tmp_path, 5, 8000) is None
    net = tmp_path / "5/net"
    net.mkdir(parents=True)
    (net / "tcp").write_text("\n".join([head, *rows]))
    (net / "tcp6").write_text("\n".join([head, "0: 00:1F40 0:1 03", "1: 00:1F40 0:0 0A"]))
    assert n_connections(tmp_path, 5, 8000) == 2


@pytest.mark.parametrize("kind", list(RouterKind))
def test_a_routers_file_says_where_it_was_pointed(tmp_path: Path, kind: RouterKind) -> None:
    router = FileRouter(kind, "web", tmp_path / "web.conf", ["true"])
    with pytest.raises(RouterError, match="cannot be read"):
        router.current()
    for address in ("10.0.0.2:8000", "[fd00::2]:8000"):
        router.point(address)
        assert router.current() == address
    router.reload()
    assert [path.name for path in tmp_path.iterdir()] == ["web.conf"]
    (tmp_path / "web.conf").write_text("a { server a x:1; }\nb { server b y:2; }\n")
    with pytest.raises(RouterError, match="names 2 servers"):
        router.current()


def test_a_reload_that_fails_is_told_with_its_last_line(tmp_path: Path) -> None:
    command = ["sh", "-c", "echo first; echo 'unknown directive' >&2; exit 3"]
    router = FileRouter(RouterKind.NGINX, "web", tmp_path / "web.conf", command)
    with pytest.raises(RouterError, match="ended with 3 unknown directive"):
        router.reload()
    with pytest.raises(RouterError, match="no plain name"):
        FileRouter(RouterKind.NGINX, "web; }", tmp_path / "web.conf", command)


def test_the_clone_of_a_job_is_a_job() -> None:
    labels = clone(INSPECTED, Devices()).body["Labels"]
    assert labels[REPLACES] == ID
    assert job_from_labels_only(labels) is not None


def job_from_labels_only(labels: dict[str, str]) -> object:
    said = {"joulepilot.target-ms": "7", "joulepilot.metrics": "prometheus:8000/metrics"}
    return merge("web", None, None, {**labels, **said})
