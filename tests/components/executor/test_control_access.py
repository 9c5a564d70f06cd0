"""Roles on the control socket, and the pages it serves."""

from __future__ import annotations

import grp
import http.client
import json
import os
import socket
import stat
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from components.executor.control import ControlServer, ask
from components.executor.control_access import READ_VERBS, Access, Peer, Role, peer_of
from components.executor.errors import CommandError, ExecutorAwayError
from components.executor.metrics_page import metrics_page
from components.executor.readings import Readings
from components.executor.wire import Command, plain
from components.telemetry.prometheus_page import read_series

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

NOBODY = 65534
ME = os.geteuid()


def peer(uid: int, *gids: int) -> Peer:
    return Peer(1, uid, frozenset(gids))


def test_root_and_the_own_user_operate_and_nobody_else_does() -> None:
    access = Access()
    assert access.role(peer(0)) is Role.OPERATE
    assert access.role(peer(ME)) is Role.OPERATE
    assert access.role(peer(NOBODY, NOBODY)) is Role.NONE
    assert access.socket_mode == 0o600


def test_groups_give_roles_and_a_reader_may_not_operate() -> None:
    access = Access(read_gid=100, operate_gid=200)
    assert access.role(peer(NOBODY, 5, 100)) is Role.READ
    assert access.role(peer(NOBODY, 100, 200)) is Role.OPERATE
    for verb in READ_VERBS:
        access.check(peer(NOBODY, 100), verb)
    for verb in ("pause", "manage", "hold", "restore", "rollback", "sweep", "anything new"):
        with pytest.raises(CommandError, match="may read only"):
            access.check(peer(NOBODY, 100), verb)
        access.check(peer(NOBODY, 200), verb)
    with pytest.raises(CommandError, match="may not ask"):
        access.check(peer(NOBODY, 5), "status")


def test_a_group_that_is_not_there_is_named() -> None:
    with pytest.raises(CommandError, match="no such group"):
        Access.of_groups("joulepilot-nobody-knows", None)
    root = grp.getgrgid(0).gr_name
    assert Access.of_groups(root, None) == Access(read_gid=0)


def test_the_kernel_says_who_is_on_the_other_end() -> None:
    one, other = socket.socketpair()
    with one, other:
        found = peer_of(one)
    assert (found.pid, found.uid) == (os.getpid(), ME)
    assert {os.getegid(), *os.getgroups()} >= found.gids


STATUS = {
    "node": 'n"1',
    "paused": False,
    "health": ["Docker does not answer"],
    "release": None,
    "policy_digest": "ab" * 32,
    "node_power_w": 40.5,
    "power_source": "modelled",
    "jobs": [
        {
            "name": "web", "n_cpus": 3, "target_ms": 7.0, "target_statistic": "p95",
            "latency_ms": None, "state": "settled", "arm": "policy", "mode": "auto",
        }
    ],
}  # fmt: skip


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[Access], Path]]:
    """Serve a fixed status, and whatever else as its own name."""
    servers = []

    def do(command: Command) -> object:
        return STATUS if command.verb == "status" else {"did": command.verb}

    def start(access: Access) -> Path:
        path = tmp_path / f"control-{len(servers)}.sock"
        servers.append(ControlServer(path, Readings(do).do, access))
        return path

    yield start
    for server in servers:
        server.close()


def test_metrics_are_in_prometheus_format_and_what_is_unknown_has_no_line() -> None:
    page = metrics_page(STATUS)
    names = {line.partition("{")[0] for line in page.splitlines() if line[0] != "#"}
    series = read_series(page, names, "the page")
    assert series["hw_host_power_watts"] == [
        ({"node": r"n\"1", "source": "modelled"}, "40.5"),
    ]
    assert series["joulepilot_allocation_cpus"][0][1] == "3"
    assert series["joulepilot_slo_latency_target_seconds"][0][1] == "0.007"
    assert series["joulepilot_problems"][0][1] == "1"
    assert "joulepilot_slo_latency_seconds" not in names
    assert "joulepilot_release" not in names


def test_a_real_heartbeat_becomes_a_page(rig) -> None:
    rig.run(15)
    page = metrics_page(plain(rig.executor.heartbeat()))
    assert 'joulepilot_allocation_cpus{node="ref",job="resnet"} ' in page
    assert 'hw_host_power_watts{node="ref",source="measured"}' in page
    assert "joulepilot_problems" in page


def test_the_socket_serves_pages_over_http_and_nothing_else(serve) -> None:
    path = serve(Access())
    status, body = _get(path, "/metrics")
    assert status == http.client.OK
    assert "joulepilot_paused" in body
    status, body = _get(path, "/healthz")
    assert status == http.client.SERVICE_UNAVAILABLE
    assert json.loads(body)["problems"] == STATUS["health"]
    assert _get(path, "/pause")[0] == http.client.NOT_FOUND


def test_commands_and_pages_are_served_side_by_side(serve) -> None:
    path = serve(Access())
    assert ask(path, Command("pause", {})) == {"did": "pause"}
    assert ask(path, Command("health", {}))["healthy"] is False
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_more_connections_than_there_is_room_for_are_closed_and_the_rest_answered(serve) -> None:
    path = serve(Access())
    with ExitStack() as held:
        connections = [held.enter_context(_connected(path)) for _ in range(40)]
        closed = sum(connection.recv(1) == b"" for connection in connections[-8:])
    assert closed == 8
    deadline = threading.Event()
    for _ in range(100):
        try:
            assert ask(path, Command("pause", {})) == {"did": "pause"}
            break
        except (CommandError, ExecutorAwayError):
            deadline.wait(0.05)
    else:
        pytest.fail("the socket does not answer any more")


@pytest.mark.skipif(ME != 0, reason="only root can become somebody else; run as root")
def test_another_user_is_told_what_he_may_and_groups_are_the_kernels(serve) -> None:
    path = serve(Access(read_gid=12345))
    path.parent.chmod(0o755)
    for parent in path.parents:
        if not parent.stat().st_mode & 0o001:
            parent.chmod(parent.stat().st_mode | 0o001)
    read = _ask_as(path, "status", gids=[12345])
    assert read["ok"] is True
    assert "may read only" in _ask_as(path, "pause", gids=[12345])["error"]["found"]
    assert "may not ask" in _ask_as(path, "status", gids=[])["error"]["found"]


def _connected(path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(10)
    connection.connect(str(path))
    return connection


def _ask_as(path: Path, verb: str, gids: list[int]) -> dict:
    """Ask in a forked process that has become somebody else."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups(gids)
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.connect(str(path))
                connection.sendall(json.dumps({"verb": verb}).encode() + b"\n")
                os.write(writing, connection.makefile("rb").readline())
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as answer:
        return json.load(answer)


def _get(path: Path, page: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("node")
    connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.sock.connect(str(path))
    try:
        connection.request("GET", page)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()
