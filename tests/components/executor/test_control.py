"""The control socket, its commands, and the lock."""

from __future__ import annotations

import socket
import stat
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from components.executor.commands import Commands, Switchboard
from components.executor.control import ControlServer, ask
from components.executor.errors import CommandError, ExecutorAwayError, LockedError
from components.executor.held import Held
from components.executor.inbox import Inbox
from components.executor.lock import NodeLock
from components.executor.wire import Command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def asking(rig) -> Iterator[Callable[..., object]]:
    """Ask a settled executor, whose loop runs in a thread, over its socket."""
    rig.settle()
    path = rig.home / "control.sock"
    with _served(rig, path):
        yield lambda verb, **arguments: ask(path, Command(verb, arguments))


@contextmanager
def _served(rig, path: Path) -> Iterator[None]:
    inbox, ended = Inbox(), threading.Event()
    commands = Commands(rig.executor, rig.overrides)

    def loop() -> None:
        while not ended.is_set():
            rig.run(1)
            inbox.serve(commands.do, 0.02)

    server = ControlServer(path, Switchboard(inbox, rig.executor.following).do)
    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        inbox.wake()
        thread.join()
        server.close()


def test_status_says_what_a_heartbeat_says(asking):
    status = asking("status")

    assert status["node"] == "ref"
    assert status["jobs"][0]["state"] == "settled"
    assert status["jobs"][0]["n_cpus"] < 128


def test_explain_says_what_was_seen_wanted_ruled_and_what_else_there_was(asking):
    text = asking("explain", job="resnet")["text"]

    for word in ("target 7 ms", "seen: ", "policy ", "guard", "choices by power", "predicted"):
        assert word in text


def test_explain_of_an_unknown_job_names_those_there_are(asking):
    with pytest.raises(CommandError, match="resnet"):
        asking("explain", job="resnot")


def test_manage_changes_a_running_job(asking):
    result = asking("manage", job="resnet", values={"target-ms": "10"})

    assert result["managed"] is True
    assert asking("status")["jobs"][0]["target_ms"] == 10.0
    asking("manage", job="resnet", forget=True)
    assert asking("status")["jobs"][0]["target_ms"] == 7.0


def test_a_bad_value_is_refused_and_changes_nothing(asking):
    with pytest.raises(CommandError, match="target-ms"):
        asking("manage", job="resnet", values={"target-ms": "-3"})
    with pytest.raises(CommandError, match="target-ms"):
        asking("manage", job="resnet", values={"target-sm": "3"})

    assert asking("status")["jobs"][0]["target_ms"] == 7.0


def test_a_held_job_stays_until_it_is_let_go(rig, asking):
    asking("hold", job="resnet", reason="we look at it")
    held = rig.cpus()
    asking("manage", job="resnet", values={"target-ms": "15"})

    status = asking("status")["jobs"][0]
    assert (status["state"], status["arm"]) == ("held", "operator")
    assert rig.store.state.holds == {"resnet": Held("we look at it")}
    assert rig.cpus() == held
    asking("hold", job="resnet", off=True)
    assert rig.store.state.holds == {}
    assert asking("status")["jobs"][0]["state"] != "held"


def test_restore_gives_back_and_pauses_and_resume_goes_on(rig, asking):
    result = asking("restore")

    assert result["complete"]
    assert result["paused"]
    assert rig.cpus() == rig.ports.topology.ids
    assert asking("resume") == {"paused": False}


def test_a_sweep_is_begun_and_reported(asking):
    status = asking("sweep", points=4, windows=1)

    assert (status["state"], status["total"], status["sequence"]) == ("running", 4, 0)
    assert asking("status")["sweep"]["total"] == 4


def test_a_layout_there_is_not_is_refused(asking):
    with pytest.raises(CommandError, match="zigzag"):
        asking("sweep", layout="zigzag")


def test_an_unknown_command_names_those_there_are(asking):
    with pytest.raises(CommandError, match="explain"):
        asking("dance")


def test_rubbish_on_the_socket_is_answered_and_harms_nobody(rig, asking):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(rig.home / "control.sock"))
        connection.sendall(b"\x00\xff not json\n")
        assert b'"ok": false' in connection.makefile("rb").readline()

    assert asking("status")["node"] == "ref"


def test_only_the_owner_may_talk_to_it(rig, asking):
    mode = (rig.home / "control.sock").stat().st_mode

    assert stat.S_IMODE(mode) == 0o600


def test_a_home_with_a_long_name_has_a_socket_too(rig):
    path = rig.home / ("x" * 120) / "control.sock"

    with _served(rig, path):
        assert ask(path, Command("status", {}))["node"] == "ref"
    assert not path.exists()


def test_nobody_there_is_said_with_what_to_do(tmp_path):
    with pytest.raises(ExecutorAwayError, match="joulepilot-node run"):
        ask(tmp_path / "node" / "control.sock", Command("status", {}))


def test_a_second_executor_is_refused_and_told_who_is_there(tmp_path):
    first, second = NodeLock(tmp_path / "lock"), NodeLock(tmp_path / "lock")
    first.acquire()

    with pytest.raises(LockedError, match='"pid"'):
        second.acquire()
    first.release()
    second.acquire()
    second.release()
