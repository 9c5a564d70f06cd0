"""Following a real release log in a folder, step by step."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from components.executor.bundle_shelf import BundleShelf
from components.executor.errors import NothingToRollBackError
from components.executor.follow import ReleaseFollower
from components.executor.state import StateStore
from components.jobs.job import Mode
from components.policy.bundle import bundle_digest, check_bundle, write_bundle
from components.policy.default_bundle import default_bundle
from components.releases import operations
from components.releases.errors import SourceAwayError
from components.releases.source import FolderSource
from components.releases.verdict import RuleResult, Verdict

if TYPE_CHECKING:
    from pathlib import Path

    from components.releases.source import ReleaseSource

NODE = "node-1"


@pytest.fixture
def hub(tmp_path: Path) -> Path:
    return tmp_path / "hub"


def make_bundle(folder: Path, name: str, **changes: object) -> Path:
    """A bundle that differs from the shipped one in its name, hence in its digest."""
    source = default_bundle()
    bundle = replace(check_bundle(source), name=name, **changes)
    write_bundle(folder, bundle, {f: (source / f).read_bytes() for f in bundle.files})
    return folder


def promote(hub: Path, bundle: Path, **more: object) -> str:
    rule = RuleResult("a test", passed=True, found="-", needed="-", sentence="It is a test.")
    digest = bundle_digest(bundle)
    verdict = Verdict.of(digest, (rule,))
    operations.promote(hub, bundle, verdict, who="test", why="test", **more)
    return digest


def follower(home: Path, source: ReleaseSource | None) -> ReleaseFollower:
    return ReleaseFollower(
        NODE,
        "some-class",
        source,
        StateStore(home / "node/state.json"),
        BundleShelf(home / "node/bundles"),
        shipped=default_bundle(),
    )


def test_before_the_first_entry_the_shipped_policy_decides(tmp_path, hub):
    following = follower(tmp_path, FolderSource(hub))

    following.step()

    followed = following.current()
    assert followed.release is None
    assert followed.policy_digest == bundle_digest(default_bundle())
    assert not followed.health


def test_entries_are_taken_in_order_up_to_the_last(tmp_path, hub):
    operations.seed(hub, default_bundle())
    following = follower(tmp_path, FolderSource(hub))
    following.step()
    first = following.current()
    digest = promote(hub, make_bundle(tmp_path / "two", "two"))
    operations.pause(hub, who="test", why="test", nodes=(NODE,))

    following.step()

    assert first.release == 1
    assert following.current().release == 3
    assert following.current().policy_digest == digest
    assert following.current().paused


def test_rolling_back_in_the_log_brings_the_older_bundle_back(tmp_path, hub):
    operations.seed(hub, default_bundle())
    promote(hub, make_bundle(tmp_path / "two", "two"))
    following = follower(tmp_path, FolderSource(hub))
    following.step()

    operations.rollback(hub, who="test", why="test")
    following.step()

    assert following.current().release == 3
    assert following.current().policy_digest == bundle_digest(default_bundle())


def test_the_mode_allowed_is_taken_over(tmp_path, hub):
    operations.seed(hub, default_bundle())
    promote(hub, make_bundle(tmp_path / "two", "two"), mode_allowed=Mode.RECOMMEND)
    following = follower(tmp_path, FolderSource(hub))

    following.step()

    assert following.current().mode_allowed is Mode.RECOMMEND


def test_a_bundle_that_is_not_there_leaves_the_policy_in_force_until_it_is(tmp_path, hub):
    operations.seed(hub, default_bundle())
    following = follower(tmp_path, FolderSource(hub))
    following.step()
    digest = promote(hub, make_bundle(tmp_path / "two", "two"))
    kept = hub / "bundles" / digest
    kept.rename(tmp_path / "away")

    following.step()
    meanwhile = following.current()
    (tmp_path / "away").rename(kept)
    following.step()

    assert meanwhile.release == 1
    assert meanwhile.policy_digest == bundle_digest(default_bundle())
    assert "release 2 is not taken" in meanwhile.health[0]
    assert following.current().policy_digest == digest
    assert not following.current().health


def test_a_bundle_with_a_flipped_byte_is_refused(tmp_path, hub):
    operations.seed(hub, default_bundle())
    digest = promote(hub, make_bundle(tmp_path / "two", "two"))
    graph = hub / "bundles" / digest / "predict.onnx"
    content = bytearray(graph.read_bytes())
    content[len(content) // 2] ^= 1
    graph.write_bytes(bytes(content))
    following = follower(tmp_path, FolderSource(hub))

    following.step()

    assert following.current().policy_digest == bundle_digest(default_bundle())
    assert following.current().health


def test_a_bundle_for_another_node_class_is_refused(tmp_path, hub):
    operations.seed(hub, default_bundle())
    promote(hub, make_bundle(tmp_path / "two", "two", node_classes=("intel-somewhere",)))
    following = follower(tmp_path, FolderSource(hub))

    following.step()

    assert following.current().policy_digest == bundle_digest(default_bundle())
    assert "intel-somewhere" in following.current().health[0]


def test_an_entry_that_was_tampered_with_is_refused_and_the_next_one_taken(tmp_path, hub):
    operations.seed(hub, default_bundle())
    promote(hub, make_bundle(tmp_path / "two", "two"))
    entry = hub / "releases" / "000002.json"
    content = json.loads(entry.read_text())
    content["why"] = "someone else's reason"
    entry.write_text(json.dumps(content))
    following = follower(tmp_path, FolderSource(hub))

    following.step()

    assert following.current().release == 1
    assert "entry 2 is refused" in following.current().health[0]


def test_a_digest_rolled_back_here_is_blocked_reported_and_not_taken_again(tmp_path, hub):
    operations.seed(hub, default_bundle())
    digest = promote(hub, make_bundle(tmp_path / "two", "two"))
    following = follower(tmp_path, FolderSource(hub))
    following.step()

    back = following.roll_back()
    following.step()
    again = follower(tmp_path, FolderSource(hub))
    again.step()

    assert back == bundle_digest(default_bundle())
    for one in (following.current(), again.current()):
        assert one.policy_digest == back
        assert one.blocked_digests == (digest,)
    assert "was rolled back on this node" in again.current().health[0]


def test_a_newer_bundle_is_taken_after_a_rollback_here(tmp_path, hub):
    operations.seed(hub, default_bundle())
    promote(hub, make_bundle(tmp_path / "two", "two"))
    following = follower(tmp_path, FolderSource(hub))
    following.step()
    following.roll_back()

    digest = promote(hub, make_bundle(tmp_path / "three", "three"))
    following.step()

    assert following.current().policy_digest == digest
    assert not following.current().health


def test_a_canary_is_compared_with_what_all_other_nodes_run(tmp_path, hub):
    operations.seed(hub, default_bundle())
    two, three = (make_bundle(tmp_path / name, name) for name in ("two", "three"))
    champion = promote(hub, two)
    challenger = promote(hub, three, nodes=(NODE,))
    following = follower(tmp_path, FolderSource(hub))

    following.step()
    first = following.current()
    operations.pause(hub, who="test", why="test", nodes=("other",))
    following.step()

    for followed in (first, following.current()):
        assert followed.policy_digest == champion
        assert followed.challenger.digest == challenger


def test_a_challenger_that_is_promoted_decides_and_is_not_loaded_again(tmp_path, hub):
    operations.seed(hub, default_bundle())
    bundle = make_bundle(tmp_path / "two", "two")
    promote(hub, bundle, nodes=(NODE,))
    following = follower(tmp_path, FolderSource(hub))
    following.step()
    challenger = following.current().challenger

    promote(hub, bundle)
    following.step()

    assert following.current().brain is challenger
    assert following.current().challenger is None


def test_a_challenger_that_was_rejected_is_blocked_here_also_when_it_is_promoted(tmp_path, hub):
    operations.seed(hub, default_bundle())
    bundle = make_bundle(tmp_path / "two", "two")
    digest = promote(hub, bundle, nodes=(NODE,))
    following = follower(tmp_path, FolderSource(hub))
    following.step()

    following.reject(digest, "for this test")
    promote(hub, bundle)
    following.step()

    followed = following.current()
    assert followed.policy_digest == bundle_digest(default_bundle())
    assert followed.challenger is None
    assert followed.blocked_digests == (digest,)
    assert any("rolled back on this node" in line for line in followed.health)


def test_there_may_be_nothing_to_roll_back_to(tmp_path, hub):
    following = follower(tmp_path, FolderSource(hub))

    with pytest.raises(NothingToRollBackError, match="no other bundle"):
        following.roll_back()


def test_after_a_restart_without_the_source_the_last_policy_decides(tmp_path, hub):
    operations.seed(hub, default_bundle())
    digest = promote(hub, make_bundle(tmp_path / "two", "two"))
    follower(tmp_path, FolderSource(hub)).step()

    restarted = follower(tmp_path, _Away())
    restarted.step()

    assert restarted.current().policy_digest == digest
    assert restarted.current().release == 2
    assert "nobody answers" in restarted.current().health[0]


def test_a_sweep_is_passed_on_unless_it_is_for_others_or_over(tmp_path, hub):
    operations.seed(hub, default_bundle())
    following = follower(tmp_path, FolderSource(hub))
    operations.request_sweep(hub, who="t", why="t", n_windows=1, nodes=("other-*",))
    long_ago = datetime.now(tz=UTC) - timedelta(days=2)
    operations.request_sweep(hub, who="t", why="t", n_windows=1, when=long_ago)
    following.step()
    before = following.current().sweep

    operations.request_sweep(hub, who="t", why="t", n_windows=2, n_points=3, nodes=("node-*",))
    following.step()

    assert before is None
    assert following.current().sweep.sequence == 4
    assert following.current().sweep.request.n_points == 3


def test_only_the_newest_bundles_are_kept(tmp_path, hub):
    operations.seed(hub, default_bundle())
    following = follower(tmp_path, FolderSource(hub))
    following.step()
    for number in range(8):
        promote(hub, make_bundle(tmp_path / f"b{number}", f"b{number}"))
        following.step()

    assert len(list((tmp_path / "node/bundles").iterdir())) <= 6


def test_the_thread_follows_by_itself_and_ends(tmp_path, hub):
    operations.seed(hub, default_bundle())
    following = ReleaseFollower(
        NODE,
        "some-class",
        FolderSource(hub),
        StateStore(tmp_path / "state.json"),
        BundleShelf(tmp_path / "bundles"),
        shipped=default_bundle(),
        follow_s=0.05,
    )
    following.start()
    try:
        deadline = datetime.now(tz=UTC) + timedelta(seconds=20)
        while following.current().release != 1:
            assert datetime.now(tz=UTC) < deadline
    finally:
        following.close()


class _Away:
    """A release log behind a cable that was pulled."""

    def release(self, sequence: int) -> None:
        raise SourceAwayError(f"asked for entry {sequence}", "nobody answers", "plug it in")

    def bundle(self, digest: str) -> Path:
        raise SourceAwayError(f"asked for bundle {digest}", "nobody answers", "plug it in")
