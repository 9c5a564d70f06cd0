"""What the log of releases begins with, tells, and refuses."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from components.policy.errors import BundleError
from components.releases.entry import Kind
from components.releases.errors import RefusedError, ReleaseLogError
from components.releases.log import ReleaseLog
from components.releases.operations import (
    history,
    pause,
    promote,
    release_at,
    request_sweep,
    resume,
    rollback,
    seed,
)
from components.releases.store import BundleStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from components.releases.verdict import Verdict

WHO = {"who": "ann", "why": "because"}


def test_release_1_is_the_shipped_bundle(room: Any) -> None:
    first = room.log.get(1)
    assert first is not None
    assert room.running() == "shipped"
    assert first.verdict is not None
    assert first.verdict.passed
    BundleStore(room.home / "bundles").path(room.digests["shipped"])


def test_seeding_again_changes_nothing(room: Any) -> None:
    room.promote("a")
    assert not seed(room.home, room.bundles["b"]).is_new
    assert room.running() == "a"


def test_a_damaged_shipped_bundle_seeds_nothing(
    tmp_path: Path, make_bundle: Callable[[str], Path]
) -> None:
    bundle = make_bundle("x")
    (bundle / "predict.onnx").write_bytes(b"rot")
    with pytest.raises(BundleError):
        seed(tmp_path / "home", bundle)
    assert ReleaseLog(tmp_path / "home/releases").latest() is None


def test_nothing_can_be_asked_of_an_empty_log(tmp_path: Path) -> None:
    for ask in (rollback, pause, resume):
        with pytest.raises(RefusedError, match="there is no release yet"):
            ask(tmp_path, **WHO)
    with pytest.raises(RefusedError, match="there is no release yet"):
        request_sweep(tmp_path, n_windows=1, **WHO)


def test_an_expiry_stays_through_pauses_and_ends_with_a_rollback(room: Any, noon: datetime) -> None:
    expiry = noon + timedelta(days=9)
    room.promote("a", expires_at=expiry)
    assert pause(room.home, **WHO).release.expires_at == expiry
    assert rollback(room.home, **WHO).release.expires_at is None


def test_history_tells_who_when_why_and_what(room: Any, noon: datetime) -> None:
    room.promote("a", when=noon, nodes=("n1",))
    rollback(room.home, who="bob", why="too slow", when=noon + timedelta(hours=1))
    pause(room.home, nodes=("n1", "n2"), **WHO)
    resume(room.home, **WHO)
    request_sweep(room.home, n_windows=2, n_points=4, **WHO)
    lines = history(room.home)
    shipped, a = (room.digests[name][:12] for name in ("shipped", "a"))
    assert [line.what for line in lines] == [
        f"core-allocator {shipped} on all nodes",
        f"core-allocator {a} on n1; core-allocator {shipped} on all nodes",
        f"core-allocator {shipped} on all nodes (as in entry 1)",
        "paused: n1, n2",
        "nothing is paused",
        "4 points, 2 windows each, on all nodes",
    ]
    assert [line.kind for line in lines] == [
        Kind.PROMOTE, Kind.CANARY, Kind.ROLLBACK, Kind.PAUSE, Kind.RESUME, Kind.SWEEP,
    ]  # fmt: skip
    assert (lines[2].who, lines[2].why, lines[2].when) == (
        "bob",
        "too slow",
        noon + timedelta(hours=1),
    )


def test_it_is_told_which_release_was_in_force_when(
    tmp_path: Path,
    noon: datetime,
    make_bundle: Callable[[str], Path],
    verdict_on: Callable[..., Verdict],
) -> None:
    home, bundle = tmp_path / "home", make_bundle("a")
    seed(home, make_bundle("shipped"), when=noon)
    promote(home, bundle, verdict_on(bundle), when=noon + timedelta(hours=2), **WHO)

    def sequence_at(hours: float) -> int | None:
        release = release_at(home, noon + timedelta(hours=hours))
        return None if release is None else release.sequence

    assert [sequence_at(h) for h in (-0.1, 0, 1.9, 2, 99)] == [None, 1, 1, 2, 2]


def test_a_damaged_log_stops_every_operation_and_stays_as_it_is(room: Any) -> None:
    path = room.home / "releases/000001.json"
    path.write_text("{}")
    for ask in (rollback, pause, resume):
        with pytest.raises(ReleaseLogError):
            ask(room.home, **WHO)
    with pytest.raises(ReleaseLogError):
        seed(room.home, room.bundles["a"])
    assert path.read_text() == "{}"
