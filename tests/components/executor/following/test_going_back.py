"""Going back to an older policy, and canaries, by the release log and on the node."""

from __future__ import annotations

import pytest

from components.executor.errors import NothingToRollBackError
from components.policy.bundle import bundle_digest
from components.policy.default_bundle import default_bundle
from components.releases import operations


def test_rolling_back_in_the_log_brings_the_older_bundle_back(log):
    operations.seed(log.hub, default_bundle())
    log.promote(log.bundle("two"))
    following = log.follower()
    following.step()

    operations.rollback(log.hub, who="test", why="test")
    following.step()

    assert following.current().release == 3
    assert following.current().policy_digest == bundle_digest(default_bundle())


def test_a_digest_rolled_back_here_is_blocked_reported_and_not_taken_again(log):
    operations.seed(log.hub, default_bundle())
    digest = log.promote(log.bundle("two"))
    following = log.follower()
    following.step()

    back = following.roll_back()
    following.step()
    again = log.follower()
    again.step()

    assert back == bundle_digest(default_bundle())
    for one in (following.current(), again.current()):
        assert one.policy_digest == back
        assert one.blocked_digests == (digest,)
    assert "was rolled back on this node" in again.current().health[0]


def test_a_newer_bundle_is_taken_after_a_rollback_here(log):
    operations.seed(log.hub, default_bundle())
    log.promote(log.bundle("two"))
    following = log.follower()
    following.step()
    following.roll_back()

    digest = log.promote(log.bundle("three"))
    following.step()

    assert following.current().policy_digest == digest
    assert not following.current().health


def test_a_canary_is_compared_with_what_all_other_nodes_run(log):
    operations.seed(log.hub, default_bundle())
    two, three = (log.bundle(name) for name in ("two", "three"))
    champion = log.promote(two)
    challenger = log.promote(three, nodes=(log.node,))
    following = log.follower()

    following.step()
    first = following.current()
    operations.pause(log.hub, who="test", why="test", nodes=("other",))
    following.step()

    for followed in (first, following.current()):
        assert followed.policy_digest == champion
        assert followed.challenger.digest == challenger


def test_a_challenger_that_is_promoted_decides_and_is_not_loaded_again(log):
    operations.seed(log.hub, default_bundle())
    bundle = log.bundle("two")
    log.promote(bundle, nodes=(log.node,))
    following = log.follower()
    following.step()
    challenger = following.current().challenger

    log.promote(bundle)
    following.step()

    assert following.current().brain is challenger
    assert following.current().challenger is None


def test_a_challenger_that_was_rejected_is_blocked_here_also_when_it_is_promoted(log):
    operations.seed(log.hub, default_bundle())
    bundle = log.bundle("two")
    digest = log.promote(bundle, nodes=(log.node,))
    following = log.follower()
    following.step()

    following.reject(digest, "for this test")
    log.promote(bundle)
    following.step()

    followed = following.current()
    assert followed.policy_digest == bundle_digest(default_bundle())
    assert followed.challenger is None
    assert followed.blocked_digests == (digest,)
    assert any("rolled back on this node" in line for line in followed.health)


def test_there_may_be_nothing_to_roll_back_to(log):
    following = log.follower()

    with pytest.raises(NothingToRollBackError, match="no other bundle"):
        following.roll_back()
