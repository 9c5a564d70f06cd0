"""Bundles, verdicts and homes for tests of the release log."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

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
