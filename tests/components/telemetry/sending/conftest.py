"""A publisher to a hub that is there, or not, and a way to wait for what becomes of it."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest

from components.telemetry.otlp_out import EventPublisher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

RESOURCE = {"host.name": "edge-01", "service.name": "joulepilot-node"}


@pytest.fixture
def until() -> Callable[[Callable[[], bool]], None]:
    """Wait until something is so."""
    return _until


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@pytest.fixture
def publisher_to(tmp_path: Path) -> Iterator[Callable[[str], EventPublisher]]:
    made: list[EventPublisher] = []

    def make(url: str, **settings: float) -> EventPublisher:
        arguments = {"batch_s": 0.02, "timeout_s": 2.0, **settings}
        made.append(
            EventPublisher(url, buffer=tmp_path / "buffer", resource=RESOURCE, **arguments)  # type: ignore[arg-type]
        )
        return made[-1]

    yield make
    for publisher in made:
        publisher.close(0.5)


def _until(is_so: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline_s = time.monotonic() + seconds
    pause = threading.Event()
    while not is_so():
        assert time.monotonic() < deadline_s, "waited in vain"
        pause.wait(0.01)
