"""Promotions: what they need, what they leave as it is, and who was first."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from components.jobs.job import Mode
from components.releases.entry import Kind
from components.releases.errors import ConflictError, EntryError, RefusedError
from components.releases.operations import (
    desired_after_promotion,
    desired_after_rollback,
    promote,
    rollback,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from components.releases.verdict import Verdict

WHO = {"who": "ann", "why": "because"}


def test_a_promotion_is_in_force_with_who_why_and_evidence(room: Any) -> None:
    assert room.promote("a", evidence={"run": "r1"})
    latest = room.log.latest()
    assert latest is not None
    assert (latest.sequence, latest.kind, latest.who, latest.why) == (
        2,
        Kind.PROMOTE,
        "ann",
        "because",
    )
    assert latest.evidence == {"run": "r1"}
    assert room.running() == "a"


def test_promoting_what_is_in_force_writes_no_entry(room: Any) -> None:
    assert room.promote("a")
    assert not room.promote("a")
    assert len(room.log.entries()) == 2


def test_a_verdict_that_does_not_pass_promotes_nothing_and_says_why(
    room: Any, verdict_on: Callable[..., Verdict]
) -> None:
    bundle = room.bundles["a"]
    with pytest.raises(RefusedError, match=r"the gate says no\. regret: Found by a test"):
        promote(room.home, bundle, verdict_on(bundle, passed=False), **WHO)
    assert room.running() == "shipped"


def test_a_verdict_on_another_bundle_promotes_nothing(
    room: Any, verdict_on: Callable[..., Verdict]
) -> None:
    with pytest.raises(RefusedError, match="the verdict is about bundle"):
        promote(room.home, room.bundles["a"], verdict_on(room.bundles["b"]), **WHO)
    assert room.running() == "shipped"


def test_a_blank_reason_is_refused(room: Any, verdict_on: Callable[..., Verdict]) -> None:
    bundle = room.bundles["a"]
    with pytest.raises(EntryError, match="say who asked for it and why"):
        promote(room.home, bundle, verdict_on(bundle), who="ann", why=" ")


def test_a_canary_runs_on_its_nodes_until_a_promotion_ends_it(room: Any) -> None:
    room.promote("a", nodes=("n1",))
    latest = room.log.latest()
    assert latest is not None
    assert latest.kind is Kind.CANARY
    assert (room.running("n1"), room.running("n2")) == ("a", "shipped")
    room.promote("b")
    assert (room.running("n1"), room.running("n2")) == ("b", "b")


def test_rolling_back_a_canary_puts_every_node_back(room: Any) -> None:
    room.promote("a", nodes=("n1",))
    rollback(room.home, **WHO)
    assert (room.running("n1"), room.running("n2")) == ("shipped", "shipped")


def test_other_policies_stay_when_one_is_promoted(room: Any) -> None:
    room.promote("b", policy="device-classifier")
    room.promote("a")
    latest = room.log.latest()
    assert latest is not None
    assert latest.desired.policies_for("n") == {
        "core-allocator": room.digests["a"],
        "device-classifier": room.digests["b"],
    }


def test_a_promotion_may_say_how_far_jobs_may_go(room: Any) -> None:
    room.promote("a", mode_allowed=Mode.RECOMMEND)
    latest = room.log.latest()
    assert latest is not None
    assert latest.desired.mode_allowed is Mode.RECOMMEND


def test_of_promotions_at_once_each_is_in_the_log_or_told_who_was_first(room: Any) -> None:
    names = ("a", "b", "c")
    start = threading.Barrier(len(names))
    promoted: list[str] = []
    told: list[str] = []

    def race(name: str) -> None:
        start.wait(timeout=30)
        try:
            room.promote(name)
        except ConflictError as error:
            told.append(str(error))
        else:
            promoted.append(name)

    threads = [threading.Thread(target=race, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(promoted) + len(told) == len(names)
    assert len(room.log.entries()) == 1 + len(promoted)
    assert room.running() in promoted
    assert all("ann was first" in text for text in told)


def test_what_was_shown_before_is_what_is_written(room: Any) -> None:
    shown = desired_after_promotion(room.log.latest(), room.digests["a"], nodes=("n1",))
    room.promote("a", nodes=("n1",))
    assert room.log.entries()[-1].desired == shown
    back = desired_after_rollback(room.log.entries())
    assert rollback(room.home, **WHO).release.desired == back


def test_who_decided_on_an_older_entry_is_told_who_was_first(room: Any) -> None:
    room.promote("a")
    with pytest.raises(ConflictError, match="the last entry is 2 now: promote by ann"):
        room.promote("b", after=1)
    with pytest.raises(ConflictError, match="roll back after entry 1"):
        rollback(room.home, **WHO, after=1)
    assert room.log.latest() == room.log.get(2)
    assert rollback(room.home, **WHO, after=2).is_new
