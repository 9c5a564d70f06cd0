"""Readiness and watchdog, said to a socket as systemd listens on one; and the unit's lockdown."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from components.executor.service_manager import ServiceManager

if TYPE_CHECKING:
    from collections.abc import Iterator

UNIT = Path(__file__).parents[3] / "deployments/systemd/joulepilot-node.service"
MAX_EXPOSURE = 2.0


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(60)
        yield listening


def heard(systemd: socket.socket) -> list[str]:
    """Everything that was said until now."""
    systemd.setblocking(False)
    messages = []
    try:
        while True:
            messages.append(systemd.recv(4096).decode())
    except BlockingIOError:
        return messages


def test_it_is_ready_after_the_first_turn_and_alive_in_time_after_that(
    systemd: socket.socket,
) -> None:
    clock = iter((100.0, 101.0, 102.9, 103.0, 104.0, 106.5))
    environment = {"NOTIFY_SOCKET": str(systemd.getsockname()), "WATCHDOG_USEC": "9000000"}
    manager = ServiceManager(environment, monotonic_s=lambda: next(clock))
    assert heard(systemd) == []
    for _ in range(6):
        manager.alive(lambda: "1 job\nin charge")
    manager.stopping()
    assert heard(systemd) == [
        "READY=1\nSTATUS=1 job in charge\nWATCHDOG=1",
        "STATUS=1 job in charge\nWATCHDOG=1",
        "STATUS=1 job in charge\nWATCHDOG=1",
        "STOPPING=1\nSTATUS=giving back what containers had",
    ]


def test_a_watchdog_of_another_process_is_not_ours(systemd: socket.socket) -> None:
    environment = {
        "NOTIFY_SOCKET": str(systemd.getsockname()),
        "WATCHDOG_USEC": "1000",
        "WATCHDOG_PID": str(os.getpid() + 1),
    }
    manager = ServiceManager(environment)
    for _ in range(3):
        manager.alive(lambda: "-")
    assert len(heard(systemd)) == 1


def test_without_systemd_nothing_is_said_and_a_deaf_one_is_no_error(tmp_path: Path) -> None:
    for environment in ({}, {"NOTIFY_SOCKET": str(tmp_path / "gone")}):
        manager = ServiceManager(environment)
        manager.alive(lambda: "-")
        manager.stopping()


def test_an_executor_tells_systemd_from_ready_to_stopping(
    systemd: socket.socket, tmp_path: Path
) -> None:
    environment = {**os.environ, "NOTIFY_SOCKET": str(systemd.getsockname())}
    words = ["run", "--host", "madeup:reference", "--home", str(tmp_path), "--pace", "10"]
    executor = subprocess.Popen(
        [sys.executable, "-m", "components.executor", *words],
        env=environment,
        stderr=subprocess.DEVNULL,
    )
    try:
        ready = systemd.recv(4096).decode()
    finally:
        executor.send_signal(signal.SIGTERM)
        code = executor.wait(60)
    assert ready.startswith("READY=1\n")
    assert heard(systemd)[-1].startswith("STOPPING=1")
    assert code == 0


@pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="needs systemd-analyze (apt install systemd)"
)
def test_the_unit_is_locked_down_as_far_as_docker_and_meters_allow() -> None:
    command = ["systemd-analyze", "security", "--offline=yes", "--no-pager", str(UNIT)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    match = re.search(r"Overall exposure level for .*: ([0-9.]+)", done.stdout)
    assert match is not None, done.stdout
    assert float(match[1]) <= MAX_EXPOSURE


def test_the_unit_names_a_command_and_options_that_exist() -> None:
    from components.executor.cli import parser

    text = UNIT.read_text()
    command = re.search(r"^ExecStart=\S+/joulepilot-node (.*)$", text, re.MULTILINE)
    assert command is not None
    words = [word for word in command[1].split() if not word.startswith("$")]
    assert parser().parse_args(words).verb == "run"
    for line in ("Type=notify", "WatchdogSec=", "SocketBindDeny=any", "Restart=always"):
        assert line in text
