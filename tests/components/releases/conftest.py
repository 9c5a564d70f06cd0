"""Bundles, verdicts and homes for tests of the release log."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from components.releases.log import ReleaseLog
from components.releases.operations import promote, seed
from components.releases.store import BundleStore
from components.releases.verdict import RuleResult, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def noon() -> datetime:
    return datetime(2024, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def make_bundle(tmp_path: Path) -> Callable[[str], Path]:
    """A folder that is a bundle as far as the release log knows: its content follows its name."""

    def make(name: str) -> Path:
        folder = tmp_path / f"made-{name}"
        folder.mkdir()
        files = {"predict.onnx": f"predict {name}".encode(), "golden.npz": name.encode() * 100}
        for file, content in files.items():
            (folder / file).write_bytes(content)
        digests = {file: hashlib.sha256(content).hexdigest() for file, content in files.items()}
        manifest = {"schema_version": 1, "name": name, "files": digests}
        (folder / "bundle.json").write_text(json.dumps(manifest))
        return folder

    return make


@pytest.fixture
def verdict_on() -> Callable[..., Verdict]:
    """A verdict of one rule on a bundle's folder."""

    def judge(bundle: Path, *, passed: bool = True) -> Verdict:
        digest = hashlib.sha256((bundle / "bundle.json").read_bytes()).hexdigest()
        rule = RuleResult("regret", passed, "+0.1 %", "at most +0.2 %", "Found by a test.")
        return Verdict.of(digest, (rule,))

    return judge


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
        said: dict[str, Any] = {"who": "ann", "why": "because", **options}
        return promote(self.home, bundle, self._judge(bundle), **said).is_new

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
