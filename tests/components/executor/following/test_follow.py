"""Following a real release log in a folder, step by step."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from components.jobs.job import Mode
from components.policy.bundle import bundle_digest
from components.policy.default_bundle import default_bundle
from components.releases import operations
from components.releases.errors import SourceAwayError

if TYPE_CHECKING:
    from pathlib import Path


def test_before_the_first_entry_the_shipped_policy_decides(log):
    following = log.follower()

    following.step()

    followed = following.current()
    assert followed.release is None
    assert followed.policy_digest == bundle_digest(default_bundle())
    assert not followed.health


def test_entries_are_taken_in_order_up_to_the_last(log):
    operations.seed(log.hub, default_bundle())
    following = log.follower()
    following.step()
    first = following.current()
    digest = log.promote(log.bundle("two"))
    operations.pause(log.hub, who="test", why="test", nodes=(log.node,))

    following.step()

    assert first.release == 1
    assert following.current().release == 3
    assert following.current().policy_digest == digest
    assert following.current().paused


def test_the_mode_allowed_is_taken_over(log):
    operations.seed(log.hub, default_bundle())
    log.promote(log.bundle("two"), mode_allowed=Mode.RECOMMEND)
    following = log.follower()

    following.step()

    assert following.current().mode_allowed is Mode.RECOMMEND


def test_a_bundle_that_is_not_there_leaves_the_policy_in_force_until_it_is(tmp_path, log):
    operations.seed(log.hub, default_bundle())
    following = log.follower()
    following.step()
    digest = log.promote(log.bundle("two"))
    kept = log.hub / "bundles" / digest
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


def test_a_bundle_with_a_flipped_byte_is_refused(log):
    operations.seed(log.hub, default_bundle())
    digest = log.promote(log.bundle("two"))
    graph = log.hub / "bundles" / digest / "predict.onnx"
    content = bytearray(graph.read_bytes())
    content[len(content) // 2] ^= 1
    graph.write_bytes(bytes(content))
    following = log.follower()

    following.step()

    assert following.current().policy_digest == bundle_digest(default_bundle())
    assert following.current().health


def test_a_bundle_for_another_node_class_is_refused(log):
    operations.seed(log.hub, default_bundle())
    log.promote(log.bundle("two", node_classes=("intel-somewhere",)))
    following = log.follower()

    following.step()

    assert following.current().policy_digest == bundle_digest(default_bundle())
    assert "intel-somewhere" in following.current().health[0]


def test_an_entry_that_was_tampered_with_is_refused_and_the_next_one_taken(log):
    operations.seed(log.hub, default_bundle())
    log.promote(log.bundle("two"))
    entry = log.hub / "releases" / "000002.json"
    content = json.loads(entry.read_text())
    content["why"] = "someone else's reason"
    entry.write_text(json.dumps(content))
    following = log.follower()

    following.step()

    assert following.current().release == 1
    assert "entry 2 is refused" in following.current().health[0]


def test_after_a_restart_without_the_source_the_last_policy_decides(log):
    operations.seed(log.hub, default_bundle())
    digest = log.promote(log.bundle("two"))
    log.follower().step()

    restarted = log.follower(_Away())
    restarted.step()

    assert restarted.current().policy_digest == digest
    assert restarted.current().release == 2
    assert "nobody answers" in restarted.current().health[0]


def test_a_sweep_is_passed_on_unless_it_is_for_others_or_over(log):
    operations.seed(log.hub, default_bundle())
    following = log.follower()
    operations.request_sweep(log.hub, who="t", why="t", n_windows=1, nodes=("other-*",))
    long_ago = datetime.now(tz=UTC) - timedelta(days=2)
    operations.request_sweep(log.hub, who="t", why="t", n_windows=1, when=long_ago)
    following.step()
    before = following.current().sweep

    operations.request_sweep(log.hub, who="t", why="t", n_windows=2, n_points=3, nodes=("node-*",))
    following.step()

    assert before is None
    assert following.current().sweep.sequence == 4
    assert following.current().sweep.request.n_points == 3


def test_only_the_newest_bundles_are_kept(tmp_path, log):
    operations.seed(log.hub, default_bundle())
    following = log.follower()
    following.step()
    for number in range(8):
        log.promote(log.bundle(f"b{number}"))
        following.step()

    assert len(list((tmp_path / "node/bundles").iterdir())) <= 6


def test_the_thread_follows_by_itself_and_ends(tmp_path, log):
    operations.seed(log.hub, default_bundle())
    following = log.follower(follow_s=0.05)
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
