"""Pausing real processes, and what is kept of it through a crash."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from components.actuation.errors import ContainerGoneError, RefusedError
from components.actuation.freezing import FreezeJournal
from components.actuation.process_files import declare
from components.actuation.process_host import ProcessHost

if TYPE_CHECKING:
    from collections.abc import Iterator

    from components.actuation.host import Container

WORK = "while True: pass"


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    """A process that never rests."""
    busy = subprocess.Popen([sys.executable, "-S", "-c", WORK], preexec_fn=lambda: os.nice(10))
    try:
        yield busy
    finally:
        busy.kill()
        busy.wait()


@pytest.fixture
def host(tmp_path: Path, process: subprocess.Popen[bytes]) -> ProcessHost:
    declare(tmp_path / "processes", "busy", process.pid, labels={}, program="busy")
    return ProcessHost(tmp_path / "processes")


def container(host: ProcessHost) -> Container:
    (found,) = host.containers()
    return found


def test_a_paused_process_stands_still_and_goes_on(tmp_path, host, process):
    journal = FreezeJournal(host, tmp_path / "frozen.json", lambda _: True)
    busy = container(host)

    journal.freeze(busy)
    stood = host.cpu_time_s(busy.id)
    time.sleep(0.1)  # nothing to wait for: that nothing happens is what is shown
    assert host.cpu_time_s(busy.id) == stood
    assert journal.is_frozen(busy.id)
    assert Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"

    assert journal.thaw(busy.id).outcome == "restored"
    assert not journal.is_frozen(busy.id)
    assert not journal.is_ours(busy.id)


def test_what_was_paused_before_a_crash_is_resumed_by_whoever_comes_after(tmp_path, host):
    path = tmp_path / "frozen.json"
    FreezeJournal(host, path, lambda _: True).freeze(container(host))

    outcomes = FreezeJournal(host, path, lambda _: False).thaw_all()

    assert [(one.original.name, one.outcome) for one in outcomes] == [("busy", "restored")]
    assert not host.is_frozen(container(host).id)


def test_what_others_paused_is_not_resumed(tmp_path, host):
    busy = container(host)
    host.freeze(busy.id)
    journal = FreezeJournal(host, tmp_path / "frozen.json", lambda _: True)

    assert journal.thaw(busy.id) is None
    assert journal.thaw_all() == ()
    assert journal.is_frozen(busy.id)


def test_what_nothing_says_is_managed_is_not_paused(tmp_path, host):
    journal = FreezeJournal(host, tmp_path / "frozen.json", lambda _: False)

    with pytest.raises(RefusedError, match="nothing says that joulepilot may change it"):
        journal.freeze(container(host))
    assert not journal.is_frozen(container(host).id)


def test_a_process_that_ended_while_it_was_paused_is_forgotten(tmp_path, host, process):
    journal = FreezeJournal(host, tmp_path / "frozen.json", lambda _: True)
    busy = container(host)
    journal.freeze(busy)
    process.kill()
    process.wait()

    assert journal.thaw(busy.id).outcome == "gone"
    assert not journal.is_ours(busy.id)
    with pytest.raises(ContainerGoneError):
        host.freeze(busy.id)
