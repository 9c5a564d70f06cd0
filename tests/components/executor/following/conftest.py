"""A release log in a folder, and a node that follows it step by step."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from components.executor.bundle_shelf import BundleShelf
from components.executor.follow import ReleaseFollower
from components.executor.state import StateStore
from components.policy.bundle import bundle_digest, check_bundle, write_bundle
from components.policy.default_bundle import default_bundle
from components.releases import operations
from components.releases.source import FolderSource
from components.releases.verdict import RuleResult, Verdict

if TYPE_CHECKING:
    from pathlib import Path

    from components.releases.source import ReleaseSource

NODE = "node-1"


@dataclass
class Log:
    """The log of one test, and the home of the node that follows it."""

    folder: Path
    node = NODE

    @property
    def hub(self) -> Path:
        return self.folder / "hub"

    def bundle(self, name: str, **changes: object) -> Path:
        """A bundle that differs from the shipped one in its name, hence in its digest."""
        source, folder = default_bundle(), self.folder / name
        bundle = replace(check_bundle(source), name=name, **changes)
        write_bundle(folder, bundle, {f: (source / f).read_bytes() for f in bundle.files})
        return folder

    def promote(self, bundle: Path, **more: object) -> str:
        rule = RuleResult("a test", passed=True, found="-", needed="-", sentence="It is a test.")
        digest = bundle_digest(bundle)
        verdict = Verdict.of(digest, (rule,))
        operations.promote(self.hub, bundle, verdict, who="test", why="test", **more)
        return digest

    def follower(self, source: ReleaseSource | None = None, **more: float) -> ReleaseFollower:
        return ReleaseFollower(
            NODE,
            "some-class",
            source or FolderSource(self.hub),
            StateStore(self.folder / "node/state.json"),
            BundleShelf(self.folder / "node/bundles"),
            shipped=default_bundle(),
            **more,
        )


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path)
