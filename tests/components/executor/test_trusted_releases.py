"""What a node takes from a release log it need not trust, and going back with all else down."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from components.executor.bundle_shelf import BundleShelf
from components.executor.follow import ReleaseFollower
from components.executor.state import StateStore
from components.policy.bundle import bundle_digest, check_bundle, write_bundle
from components.policy.default_bundle import default_bundle
from components.policy.limited_load import try_in_child
from components.releases import operations
from components.releases.errors import SourceAwayError
from components.releases.signature import new_keys, public_key_file
from components.releases.source import FolderSource
from components.releases.tried_source import TriedSource
from components.releases.verdict import RuleResult, Verdict
from components.releases.verifying import ChildVerifier, SignedSource

if TYPE_CHECKING:
    from pathlib import Path

    from components.releases.source import ReleaseSource

MAX_ROLLBACK_S = 1.0


class Away:
    """A source that nobody reaches."""

    def release(self, sequence: int) -> None:
        raise SourceAwayError("asked for an entry", "the hub is down", "wait")

    def bundle(self, digest: str) -> Path:
        raise SourceAwayError("asked for a bundle", "the hub is down", "wait")


def promote(hub: Path, folder: Path) -> str:
    shipped = default_bundle()
    bundle = replace(check_bundle(shipped), name=folder.name)
    write_bundle(folder, bundle, {name: (shipped / name).read_bytes() for name in bundle.files})
    digest = bundle_digest(folder)
    rule = RuleResult("a test", passed=True, found="-", needed="-", sentence="It is a test.")
    operations.promote(hub, folder, Verdict.of(digest, (rule,)), who="test", why="test")
    return digest


def follower(home: Path, source: ReleaseSource) -> ReleaseFollower:
    store, shelf = StateStore(home / "state.json"), BundleShelf(home / "bundles")
    return ReleaseFollower("n", "class", source, store, shelf, shipped=default_bundle())


@pytest.fixture
def hub(tmp_path: Path) -> Path:
    return tmp_path / "hub"


def test_a_node_with_a_key_skips_what_is_not_signed_and_takes_what_is(
    tmp_path: Path, hub: Path
) -> None:
    promote(hub, tmp_path / "one")
    promote(hub, tmp_path / "two")
    new_keys(hub)
    verifier = ChildVerifier(public_key_file(hub))
    following = follower(tmp_path / "node", SignedSource(FolderSource(hub), verifier))
    following.step()
    before = following.current()
    digest = promote(hub, tmp_path / "three")
    following.step()
    assert before.release is None
    assert "is not signed" in " ".join(before.health)
    assert before.policy_digest == bundle_digest(default_bundle())
    assert (following.current().release, following.current().policy_digest) == (3, digest)


def test_a_log_that_was_cut_is_not_followed_back(tmp_path: Path, hub: Path) -> None:
    first = promote(hub, tmp_path / "one")
    second = promote(hub, tmp_path / "two")
    node = tmp_path / "node"
    follower(node, FolderSource(hub)).step()
    (hub / "releases/000002.json").unlink()
    again = follower(node, FolderSource(hub))
    again.step()
    assert again.current().policy_digest == second
    assert "cut or replaced" in " ".join(again.current().health)
    promote(hub, tmp_path / "three")
    third = promote(hub, tmp_path / "four")
    again.step()
    assert again.current().policy_digest == third
    assert first not in {second, third}
    assert not again.current().health


def test_a_bundle_that_dies_in_its_child_is_told_and_the_one_in_force_decides_on(
    tmp_path: Path, hub: Path
) -> None:
    first = promote(hub, tmp_path / "one")

    def try_with_little(folder: Path) -> None:
        try_in_child(folder, memory_bytes=(64 << 20) if folder.name != first else (1 << 30))

    following = follower(tmp_path / "node", TriedSource(FolderSource(hub), try_with_little))
    following.step()
    promote(hub, tmp_path / "two")
    following.step()
    assert following.current().policy_digest == first
    assert "the child ended with" in " ".join(following.current().health)


def test_going_back_works_within_a_second_with_everything_else_down(
    tmp_path: Path, hub: Path
) -> None:
    first, second = promote(hub, tmp_path / "one"), None
    node = tmp_path / "node"
    following = follower(node, FolderSource(hub))
    following.step()
    second = promote(hub, tmp_path / "two")
    following.step()
    assert following.current().policy_digest == second
    shutil.rmtree(hub)
    alone = follower(node, Away())
    alone.step()
    began_s = time.process_time()
    digest = alone.roll_back()
    took_s = time.process_time() - began_s
    assert (digest, alone.current().policy_digest) == (first, first)
    assert alone.current().blocked_digests == (second,)
    assert took_s <= MAX_ROLLBACK_S
