"""Pauses and sweeps: what nodes are asked for beside a policy."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from components.releases.errors import EntryError, RefusedError
from components.releases.operations import (
    pause,
    request_sweep,
    resume,
    rollback,
)

if TYPE_CHECKING:
    from datetime import datetime


WHO = {"who": "ann", "why": "because"}


def test_a_pause_outlives_promotions_and_rollbacks(room: Any) -> None:
    pause(room.home, **WHO)
    room.promote("a")
    rollback(room.home, **WHO)
    latest = room.log.latest()
    assert latest is not None
    assert latest.desired.is_paused("n1")


def test_pausing_and_resuming_write_only_what_is_new(room: Any) -> None:
    assert not resume(room.home, **WHO).is_new
    assert pause(room.home, **WHO).is_new
    assert not pause(room.home, **WHO).is_new
    assert not pause(room.home, nodes=("n1",), **WHO).is_new
    assert resume(room.home, **WHO).is_new
    assert len(room.log.entries()) == 3


def test_nodes_are_paused_and_resumed_by_name(room: Any) -> None:
    pause(room.home, nodes=("n1", "g*"), **WHO)
    desired = pause(room.home, nodes=("n2",), **WHO).release.desired
    assert [desired.is_paused(n) for n in ("n1", "n2", "g7", "n3")] == [True, True, True, False]
    desired = resume(room.home, nodes=("n1",), **WHO).release.desired
    assert [desired.is_paused(n) for n in ("n1", "n2", "g7")] == [False, True, True]


def test_resuming_a_node_under_a_wider_pause_is_refused(room: Any) -> None:
    pause(room.home, **WHO)
    with pytest.raises(RefusedError, match="the pause in force is for all nodes"):
        resume(room.home, nodes=("n1",), **WHO)


def test_a_sweep_keeps_what_shall_run(room: Any, noon: datetime) -> None:
    before = room.log.latest()
    outcome = request_sweep(
        room.home,
        n_windows=2,
        n_points=4,
        window_s=4,
        nodes=("n1",),
        lasts=timedelta(minutes=5),
        when=noon,
        **WHO,
    )
    assert before is not None
    assert outcome.release.desired == before.desired
    sweep = room.log.entries()[-1].sweep_for("n1", noon + timedelta(minutes=5))
    assert sweep is not None
    assert (sweep.n_windows, sweep.n_points, sweep.window_s) == (2, 4, 4.0)
    assert outcome.release.sweep_for("n2", noon) is None
    assert outcome.release.sweep_for("n1", noon + timedelta(minutes=6)) is None


@pytest.mark.parametrize(
    "wrong", [{"n_windows": 0}, {"n_points": 0}, {"window_s": 0.0}, {"nodes": ()}, {"nodes": ("",)}]
)
def test_a_sweep_of_nothing_is_refused(room: Any, wrong: dict[str, object]) -> None:
    with pytest.raises(EntryError):
        request_sweep(room.home, **{"n_windows": 1, **WHO, **wrong})  # type: ignore[arg-type]
    assert len(room.log.entries()) == 1


def test_a_sweep_of_paused_nodes_is_refused(room: Any) -> None:
    pause(room.home, **WHO)
    with pytest.raises(RefusedError, match="resume them first"):
        request_sweep(room.home, n_windows=1, **WHO)
