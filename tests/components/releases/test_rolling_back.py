"""Going back: to what ran before, to an entry that was named, and never forward."""

from __future__ import annotations

import shutil
from typing import Any

import pytest

from components.policy.errors import BundleError
from components.releases.entry import Kind
from components.releases.errors import RefusedError
from components.releases.operations import (
    pause,
    request_sweep,
    resume,
    rollback,
)

WHO = {"who": "ann", "why": "because"}


def test_rolling_back_goes_to_what_ran_before(room: Any) -> None:
    room.promote("a")
    outcome = rollback(room.home, **WHO)
    assert room.running() == "shipped"
    assert outcome.release.kind is Kind.ROLLBACK
    assert outcome.release.evidence == {"rolled_back_from": 2, "rolled_back_to": 1}


def test_rolling_back_twice_goes_further_back_and_never_forward(room: Any) -> None:
    room.promote("a")
    room.promote("b")
    rollback(room.home, **WHO)
    assert room.running() == "a"
    rollback(room.home, **WHO)
    assert room.running() == "shipped"
    with pytest.raises(RefusedError, match="is the first there was"):
        rollback(room.home, **WHO)
    assert len(room.log.entries()) == 5


def test_entries_in_between_do_not_mislead_a_rollback(room: Any) -> None:
    room.promote("a")
    room.promote("b")
    rollback(room.home, **WHO)
    pause(room.home, **WHO)
    resume(room.home, **WHO)
    room.promote("c")
    room.promote("c", expires_at=None)
    request_sweep(room.home, n_windows=1, **WHO)
    rollback(room.home, **WHO)
    assert room.running() == "a"


def test_rolling_back_to_an_entry_that_was_named(room: Any) -> None:
    room.promote("a")
    room.promote("b")
    rollback(room.home, to=1, **WHO)
    assert room.running() == "shipped"
    assert not rollback(room.home, to=1, **WHO).is_new
    rollback(room.home, to=3, **WHO)
    assert room.running() == "b"


@pytest.mark.parametrize("to", [0, -1, 9])
def test_rolling_back_to_no_entry_is_refused(room: Any, to: int) -> None:
    with pytest.raises(RefusedError, match="the log has entries 1 to 1"):
        rollback(room.home, to=to, **WHO)


def test_rolling_back_to_a_bundle_that_is_gone_is_refused(room: Any) -> None:
    room.promote("a")
    shutil.rmtree(room.home / "bundles" / room.digests["shipped"])
    with pytest.raises(BundleError, match="does not hold it"):
        rollback(room.home, **WHO)
    assert room.running() == "a"
