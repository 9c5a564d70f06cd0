"""A release log that cannot make up its mind."""

from __future__ import annotations

from dataclasses import replace

from components.executor.bundle_shelf import BundleShelf
from components.executor.follow import ReleaseFollower
from components.executor.state import StateStore
from components.policy.bundle import bundle_digest, check_bundle, write_bundle
from components.policy.default_bundle import default_bundle
from components.releases import operations
from components.releases.source import FolderSource
from components.releases.verdict import RuleResult, Verdict


class Counting(FolderSource):
    """Counts the bundles that were fetched."""

    n_fetched = 0

    def bundle(self, digest):
        self.n_fetched += 1
        return super().bundle(digest)


def test_releases_that_flap_end_with_the_last_one(tmp_path):
    hub = tmp_path / "hub"
    operations.seed(hub, default_bundle())
    source = Counting(hub)
    follower = ReleaseFollower(
        "node-1",
        "some-class",
        source,
        StateStore(tmp_path / "state.json"),
        BundleShelf(tmp_path / "bundles"),
        shipped=default_bundle(),
    )
    digests = []
    for name in ("a", "b"):
        shipped = default_bundle()
        bundle = replace(check_bundle(shipped), name=name)
        files = {file: (shipped / file).read_bytes() for file in bundle.files}
        write_bundle(tmp_path / name, bundle, files)
        digests.append(bundle_digest(tmp_path / name))
    rule = RuleResult("a test", passed=True, found="-", needed="-", sentence="It is a test.")

    for name, digest in [("a", digests[0]), ("b", digests[1])] * 4:
        verdict = Verdict.of(digest, (rule,))
        operations.promote(hub, tmp_path / name, verdict, who="test", why="flapping")
        follower.step()
        assert follower.current().policy_digest == digest

    assert source.n_fetched == 8
    assert not follower.current().health
    shelf = [path.name for path in (tmp_path / "bundles").iterdir() if len(path.name) == 64]
    assert set(digests) <= set(shelf)
