from __future__ import annotations

import shutil
import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from components.jobs.job import Mode
from components.policy.errors import BundleError
from components.releases.entry import Kind
from components.releases.errors import ConflictError, EntryError, RefusedError, ReleaseLogError
from components.releases.log import ReleaseLog
from components.releases.operations import (
    desired_after_promotion,
    desired_after_rollback,
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


class Room:
    """A home with a seeded log, and what a test wants to do with it in few words."""

    def __init__(
        self, home: Path, make: Callable[[str], Path], judge: Callable[..., Verdict]
    ) -> None:
        self.home = home
        self.log = ReleaseLog(home / "releases")
        self._judge = judge
        self.bundles = {name: make(name) for name in ("shipped", "a", "b", "c")}
        self.digests = {
            name: BundleStore(home / "scratch").add(folder) for name, folder in self.bundles.items()
        }
        seed(home, self.bundles["shipped"])

    def promote(self, name: str, **options: object) -> bool:
        bundle = self.bundles[name]
        outcome = promote(self.home, bundle, self._judge(bundle), **WHO, **options)  # type: ignore[arg-type]
        return outcome.is_new

    def running(self, node: str = "n1") -> str:
        latest = self.log.latest()
        assert latest is not None
        digest = latest.desired.digest_for(node)
        return next(name for name, known in self.digests.items() if known == digest)


@pytest.fixture
def room(
    tmp_path: Path, make_bundle: Callable[[str], Path], verdict_on: Callable[..., Verdict]
) -> Room:
    return Room(tmp_path / "home", make_bundle, verdict_on)


def test_release_1_is_the_shipped_bundle(room: Room) -> None:
    first = room.log.get(1)
    assert first is not None
    assert room.running() == "shipped"
    assert first.verdict is not None
    assert first.verdict.passed
    BundleStore(room.home / "bundles").path(room.digests["shipped"])


def test_seeding_again_changes_nothing(room: Room) -> None:
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


def test_a_promotion_is_in_force_with_who_why_and_evidence(room: Room) -> None:
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


def test_promoting_what_is_in_force_writes_no_entry(room: Room) -> None:
    assert room.promote("a")
    assert not room.promote("a")
    assert len(room.log.entries()) == 2


def test_a_verdict_that_does_not_pass_promotes_nothing_and_says_why(
    room: Room, verdict_on: Callable[..., Verdict]
) -> None:
    bundle = room.bundles["a"]
    with pytest.raises(RefusedError, match=r"the gate says no\. regret: Found by a test"):
        promote(room.home, bundle, verdict_on(bundle, passed=False), **WHO)
    assert room.running() == "shipped"


def test_a_verdict_on_another_bundle_promotes_nothing(
    room: Room, verdict_on: Callable[..., Verdict]
) -> None:
    with pytest.raises(RefusedError, match="the verdict is about bundle"):
        promote(room.home, room.bundles["a"], verdict_on(room.bundles["b"]), **WHO)
    assert room.running() == "shipped"


def test_a_blank_reason_is_refused(room: Room, verdict_on: Callable[..., Verdict]) -> None:
    bundle = room.bundles["a"]
    with pytest.raises(EntryError, match="say who asked for it and why"):
        promote(room.home, bundle, verdict_on(bundle), who="ann", why=" ")


def test_a_canary_runs_on_its_nodes_until_a_promotion_ends_it(room: Room) -> None:
    room.promote("a", nodes=("n1",))
    latest = room.log.latest()
    assert latest is not None
    assert latest.kind is Kind.CANARY
    assert (room.running("n1"), room.running("n2")) == ("a", "shipped")
    room.promote("b")
    assert (room.running("n1"), room.running("n2")) == ("b", "b")


def test_rolling_back_a_canary_puts_every_node_back(room: Room) -> None:
    room.promote("a", nodes=("n1",))
    rollback(room.home, **WHO)
    assert (room.running("n1"), room.running("n2")) == ("shipped", "shipped")


def test_other_policies_stay_when_one_is_promoted(room: Room) -> None:
    room.promote("b", policy="device-classifier")
    room.promote("a")
    latest = room.log.latest()
    assert latest is not None
    assert latest.desired.policies_for("n") == {
        "core-allocator": room.digests["a"],
        "device-classifier": room.digests["b"],
    }


def test_a_promotion_may_say_how_far_jobs_may_go(room: Room) -> None:
    room.promote("a", mode_allowed=Mode.RECOMMEND)
    latest = room.log.latest()
    assert latest is not None
    assert latest.desired.mode_allowed is Mode.RECOMMEND


def test_rolling_back_goes_to_what_ran_before(room: Room) -> None:
    room.promote("a")
    outcome = rollback(room.home, **WHO)
    assert room.running() == "shipped"
    assert outcome.release.kind is Kind.ROLLBACK
    assert outcome.release.evidence == {"rolled_back_from": 2, "rolled_back_to": 1}


def test_rolling_back_twice_goes_further_back_and_never_forward(room: Room) -> None:
    room.promote("a")
    room.promote("b")
    rollback(room.home, **WHO)
    assert room.running() == "a"
    rollback(room.home, **WHO)
    assert room.running() == "shipped"
    with pytest.raises(RefusedError, match="is the first there was"):
        rollback(room.home, **WHO)
    assert len(room.log.entries()) == 5


def test_entries_in_between_do_not_mislead_a_rollback(room: Room) -> None:
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


def test_rolling_back_to_an_entry_that_was_named(room: Room) -> None:
    room.promote("a")
    room.promote("b")
    rollback(room.home, to=1, **WHO)
    assert room.running() == "shipped"
    assert not rollback(room.home, to=1, **WHO).is_new
    rollback(room.home, to=3, **WHO)
    assert room.running() == "b"


@pytest.mark.parametrize("to", [0, -1, 9])
def test_rolling_back_to_no_entry_is_refused(room: Room, to: int) -> None:
    with pytest.raises(RefusedError, match="the log has entries 1 to 1"):
        rollback(room.home, to=to, **WHO)


def test_rolling_back_to_a_bundle_that_is_gone_is_refused(room: Room) -> None:
    room.promote("a")
    shutil.rmtree(room.home / "bundles" / room.digests["shipped"])
    with pytest.raises(BundleError, match="does not hold it"):
        rollback(room.home, **WHO)
    assert room.running() == "a"


def test_a_pause_outlives_promotions_and_rollbacks(room: Room) -> None:
    pause(room.home, **WHO)
    room.promote("a")
    rollback(room.home, **WHO)
    latest = room.log.latest()
    assert latest is not None
    assert latest.desired.is_paused("n1")


def test_pausing_and_resuming_write_only_what_is_new(room: Room) -> None:
    assert not resume(room.home, **WHO).is_new
    assert pause(room.home, **WHO).is_new
    assert not pause(room.home, **WHO).is_new
    assert not pause(room.home, nodes=("n1",), **WHO).is_new
    assert resume(room.home, **WHO).is_new
    assert len(room.log.entries()) == 3


def test_nodes_are_paused_and_resumed_by_name(room: Room) -> None:
    pause(room.home, nodes=("n1", "g*"), **WHO)
    desired = pause(room.home, nodes=("n2",), **WHO).release.desired
    assert [desired.is_paused(n) for n in ("n1", "n2", "g7", "n3")] == [True, True, True, False]
    desired = resume(room.home, nodes=("n1",), **WHO).release.desired
    assert [desired.is_paused(n) for n in ("n1", "n2", "g7")] == [False, True, True]


def test_resuming_a_node_under_a_wider_pause_is_refused(room: Room) -> None:
    pause(room.home, **WHO)
    with pytest.raises(RefusedError, match="the pause in force is for all nodes"):
        resume(room.home, nodes=("n1",), **WHO)


def test_a_sweep_keeps_what_shall_run(room: Room, noon: datetime) -> None:
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
def test_a_sweep_of_nothing_is_refused(room: Room, wrong: dict[str, object]) -> None:
    with pytest.raises(EntryError):
        request_sweep(room.home, **{"n_windows": 1, **WHO, **wrong})  # type: ignore[arg-type]
    assert len(room.log.entries()) == 1


def test_a_sweep_of_paused_nodes_is_refused(room: Room) -> None:
    pause(room.home, **WHO)
    with pytest.raises(RefusedError, match="resume them first"):
        request_sweep(room.home, n_windows=1, **WHO)


def test_nothing_can_be_asked_of_an_empty_log(tmp_path: Path) -> None:
    for ask in (rollback, pause, resume):
        with pytest.raises(RefusedError, match="there is no release yet"):
            ask(tmp_path, **WHO)
    with pytest.raises(RefusedError, match="there is no release yet"):
        request_sweep(tmp_path, n_windows=1, **WHO)


def test_an_expiry_stays_through_pauses_and_ends_with_a_rollback(
    room: Room, noon: datetime
) -> None:
    expiry = noon + timedelta(days=9)
    room.promote("a", expires_at=expiry)
    assert pause(room.home, **WHO).release.expires_at == expiry
    assert rollback(room.home, **WHO).release.expires_at is None


def test_history_tells_who_when_why_and_what(room: Room, noon: datetime) -> None:
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


def test_of_promotions_at_once_each_is_in_the_log_or_told_who_was_first(room: Room) -> None:
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


def test_what_was_shown_before_is_what_is_written(room: Room) -> None:
    shown = desired_after_promotion(room.log.latest(), room.digests["a"], nodes=("n1",))
    room.promote("a", nodes=("n1",))
    assert room.log.entries()[-1].desired == shown
    back = desired_after_rollback(room.log.entries())
    assert rollback(room.home, **WHO).release.desired == back


def test_who_decided_on_an_older_entry_is_told_who_was_first(room: Room) -> None:
    room.promote("a")
    with pytest.raises(ConflictError, match="the last entry is 2 now: promote by ann"):
        room.promote("b", after=1)
    with pytest.raises(ConflictError, match="roll back after entry 1"):
        rollback(room.home, **WHO, after=1)
    assert room.log.latest() == room.log.get(2)
    assert rollback(room.home, **WHO, after=2).is_new


def test_a_damaged_log_stops_every_operation_and_stays_as_it_is(room: Room) -> None:
    path = room.home / "releases/000001.json"
    path.write_text("{}")
    for ask in (rollback, pause, resume):
        with pytest.raises(ReleaseLogError):
            ask(room.home, **WHO)
    with pytest.raises(ReleaseLogError):
        seed(room.home, room.bundles["a"])
    assert path.read_text() == "{}"
