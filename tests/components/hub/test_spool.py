from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from components.hub.errors import BodyError, SpoolError
from components.hub.spool import Spool
from components.telemetry.errors import EventTypeError

if TYPE_CHECKING:
    from pathlib import Path

PROTOBUF = "application/x-protobuf"


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool")


def test_a_body_is_read_as_it_was_put(spool: Spool) -> None:
    ref = spool.put(b"hello", "Application/JSON; charset=utf-8", "gzip")
    assert spool.read(ref) == b"hello"
    assert (ref.content_type, ref.content_encoding) == ("application/json", "gzip")
    assert ref.body_sha256 == hashlib.sha256(b"hello").hexdigest()
    assert spool.pending() == (ref,)


def test_bodies_wait_in_the_order_they_came_also_for_another_process(
    tmp_path: Path, spool: Spool
) -> None:
    refs = [spool.put(str(i).encode(), PROTOBUF) for i in range(50)]
    assert Spool(tmp_path / "spool").pending() == tuple(refs)


def test_a_spool_that_was_never_used_is_empty(spool: Spool) -> None:
    assert spool.pending() == ()
    assert spool.find("0" * 64) == ()
    assert spool.clear_incoming() == 0


def test_the_same_body_twice_is_two_bodies(spool: Spool) -> None:
    first, second = spool.put(b"a", PROTOBUF), spool.put(b"a", PROTOBUF)
    assert first != second
    assert spool.find(first.body_sha256) == (first, second)


def test_a_done_body_is_pending_no_more_and_still_found_by_its_digest(spool: Spool) -> None:
    ref = spool.put(b"a", PROTOBUF)
    done = spool.done(ref)
    assert spool.pending() == ()
    assert spool.find(ref.body_sha256) == (done,)
    assert spool.read(done) == b"a"


def test_done_twice_does_nothing_the_second_time(spool: Spool) -> None:
    ref = spool.put(b"a", PROTOBUF)
    assert spool.done(ref) == spool.done(ref)


def test_a_body_set_aside_keeps_its_reason_beside_it(spool: Spool) -> None:
    ref = spool.put(b"a", PROTOBUF)
    aside = spool.set_aside(ref, "it is no protobuf")
    reason = aside.path.with_name(f"{aside.path.name}.reason.txt")
    assert reason.read_text() == "it is no protobuf\n"
    assert spool.pending() == ()
    assert spool.find(ref.body_sha256) == (aside,)


def test_a_body_changed_on_disk_is_not_read(spool: Spool) -> None:
    ref = spool.put(b"right", PROTOBUF)
    ref.path.write_bytes(b"wrong")
    with pytest.raises(BodyError, match="another SHA-256"):
        spool.read(ref)


def test_a_body_that_is_gone_is_an_error(spool: Spool) -> None:
    ref = spool.put(b"a", PROTOBUF)
    ref.path.unlink()
    with pytest.raises(BodyError, match="reading failed"):
        spool.read(ref)
    with pytest.raises(SpoolError, match="move"):
        spool.done(ref)


def test_foreign_files_are_left_alone(spool: Spool) -> None:
    ref = spool.put(b"a", PROTOBUF)
    (ref.path.parent / "notes-1.txt").write_text("mine")
    (ref.path.parent / f"x{ref.path.name}").write_text("mine")
    assert spool.pending() == (ref,)


def test_what_a_crash_left_is_never_pending(tmp_path: Path, spool: Spool) -> None:
    spool.put(b"a", PROTOBUF)
    (tmp_path / "spool/incoming/9-9.part").write_bytes(b"half")
    assert len(spool.pending()) == 1
    assert spool.clear_incoming() == 1
    assert list((tmp_path / "spool/incoming").iterdir()) == []


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    greedy = Spool(tmp_path / "spool", min_free_bytes=2**60)
    with pytest.raises(SpoolError, match="bytes are free"):
        greedy.put(b"a", PROTOBUF)
    assert greedy.pending() == ()
    assert list((tmp_path / "spool/incoming").iterdir()) == []


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("a file")
    with pytest.raises(SpoolError, match="writing failed"):
        Spool(tmp_path / "spool").put(b"a", PROTOBUF)


@pytest.mark.parametrize(("kind", "encoding"), [("text/html", None), (PROTOBUF, "br")])
def test_what_has_no_place_here_is_refused(spool: Spool, kind: str, encoding: str | None) -> None:
    with pytest.raises(EventTypeError):
        spool.put(b"a", kind, encoding)
    assert spool.pending() == ()


def test_many_threads_lose_nothing(spool: Spool) -> None:
    bodies = [os.urandom(64) for _ in range(100)]
    with ThreadPoolExecutor(8) as pool:
        refs = list(pool.map(lambda body: spool.put(body, PROTOBUF), bodies))
    assert len({ref.received_ns for ref in refs}) == 100
    assert sorted(map(spool.read, spool.pending())) == sorted(bodies)


def test_refs_sort_by_when_they_came(spool: Spool) -> None:
    ref = spool.put(b"a", PROTOBUF)
    assert ref < replace(ref, received_ns=ref.received_ns + 1, body_sha256="0" * 64)
