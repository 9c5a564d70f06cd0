"""Events of a made-up engine that restarts, and of a real one."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
import tracemalloc
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from components.actuation.engine_events import EngineEvents

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
IMAGE = "joulepilot-test-events:latest"
EVENT = b'{"Type":"container","Action":"start"}\n'


class Speaker:
    """An engine that says what it is told, over one connection at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.heads: list[bytes] = []
        self.listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listening.bind(str(path))
        self.listening.listen()
        self.listening.settimeout(20)
        self.open: socket.socket | None = None

    def accept(self, head: bytes = HEAD) -> None:
        self.open, _ = self.listening.accept()
        self.heads.append(self.open.recv(4096))
        self.open.sendall(head)

    def say(self) -> None:
        assert self.open is not None
        self.open.sendall(b"%x\r\n%s\r\n" % (len(EVENT), EVENT))

    def hang_up(self) -> None:
        if self.open is not None:
            self.open.close()
            self.open = None

    def close(self) -> None:
        self.hang_up()
        self.listening.close()


@pytest.fixture
def speaker(tmp_path: Path) -> Iterator[Speaker]:
    speaker = Speaker(tmp_path / "docker.sock")
    yield speaker
    speaker.close()


def test_each_event_is_heard_once_and_silence_is_silence(speaker: Speaker) -> None:
    events = EngineEvents(speaker.path)
    try:
        speaker.accept()
        _wait(events.take)  # a new connection: something may have been missed
        assert not events.take()
        speaker.say()
        _wait(events.take)
        assert not events.take()
    finally:
        events.close()
    assert b"GET /events?filters=" in speaker.heads[0]
    assert b"update" not in speaker.heads[0]


def test_a_storm_of_events_is_one_look_and_takes_no_memory(speaker: Speaker) -> None:
    events = EngineEvents(speaker.path)
    try:
        speaker.accept()
        _wait(events.take)
        tracemalloc.start()
        for _ in range(20_000):
            speaker.say()
        speaker.say()
        _wait(events.take)
        _wait(lambda: not events.take())
        _, peak_bytes = tracemalloc.get_traced_memory()
        speaker.say()
        _wait(events.take)
    finally:
        tracemalloc.stop()
        events.close()
    assert peak_bytes < 500_000


def test_an_engine_that_restarts_is_heard_again_and_makes_one_look(speaker: Speaker) -> None:
    events = EngineEvents(speaker.path)
    try:
        speaker.accept()
        _wait(events.take)
        speaker.hang_up()
        speaker.accept()
        _wait(events.take)
        speaker.say()
        _wait(events.take)
    finally:
        events.close()


def test_an_engine_that_refuses_or_is_away_is_no_error(speaker: Speaker, tmp_path: Path) -> None:
    away = EngineEvents(tmp_path / "nobody.sock")
    refused = EngineEvents(speaker.path)
    try:
        speaker.accept(b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n")
        assert not refused.take()
        assert not away.take()
    finally:
        away.close()
        speaker.hang_up()
        refused.close()


def test_closing_does_not_wait_for_an_event(speaker: Speaker) -> None:
    events = EngineEvents(speaker.path)
    speaker.accept()
    closing = threading.Thread(target=events.close)
    closing.start()
    closing.join(10)
    assert not closing.is_alive()


@pytest.mark.docker
def test_a_real_container_that_starts_is_heard_within_a_moment(make_image: Callable) -> None:
    events = EngineEvents(Path("/var/run/docker.sock"))
    name = f"joulepilot-events-{uuid.uuid4().hex[:8]}"
    try:
        _wait(events.take)
        image = make_image()
        command = ["docker", "run", "--rm", "--name", name, image, "/bin/busybox", "true"]
        subprocess.run(command, check=True, capture_output=True)
        _wait(events.take)
    finally:
        events.close()


@pytest.fixture
def make_image() -> Callable[[], str]:
    import io
    import tarfile

    def make() -> str:
        inspect = ["docker", "image", "inspect", IMAGE]
        if subprocess.run(inspect, capture_output=True, check=False).returncode == 0:
            return IMAGE
        content = io.BytesIO()
        with tarfile.open(fileobj=content, mode="w") as archive:
            archive.add("/bin/busybox", "bin/busybox")
        words = ["docker", "import", "-", IMAGE]
        subprocess.run(words, input=content.getvalue(), check=True, capture_output=True)
        return IMAGE

    return make


def _wait(is_so: Callable[[], bool]) -> None:
    until_s = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < until_s
        time.sleep(0.01)
