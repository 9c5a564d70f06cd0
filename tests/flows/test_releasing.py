"""Promotion by verdict; MLflow away keeps nobody from rolling back."""

import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from components.policy.bundle import bundle_digest
from components.policy.default_bundle import default_bundle
from components.registry.facts import RegisteredVersion
from components.releases.operations import promote, seed
from components.releases.source import BUNDLES
from components.releases.store import BundleStore
from components.releases.verdict import RuleResult, Verdict
from components.settings.settings import Settings
from flows.errors import NotBetterError, NotJudgedError
from flows.releasing import promote_version, roll_back
from flows.services import free_port
from flows.verdicts import keep_verdict


def version_of(digest: str) -> RegisteredVersion:
    return RegisteredVersion(
        policy="core-allocator",
        version=2,
        digest=digest,
        run_id=None,
        lake_version=0,
        evaluation_set="0" * 64,
        git_commit="unknown",
        release_sequence=None,
        aliases=(),
        created=datetime(2024, 5, 1, tzinfo=UTC),
        description="",
    )


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(home=tmp_path / "home", mlflow_port=free_port())
    seed(settings.home, default_bundle())
    return settings


@pytest.fixture
def challenger(settings: Settings, tmp_path: Path) -> str:
    """Digest of another bundle in the store: the shipped one with another name."""
    folder = tmp_path / "challenger"
    shutil.copytree(default_bundle(), folder)
    manifest = folder / "bundle.json"
    manifest.write_text(manifest.read_text().replace('"allocator"', '"challenger"'))
    digest = BundleStore(settings.home / BUNDLES).add(folder)
    assert digest != bundle_digest(default_bundle())
    return digest


def verdict(digest: str, *, passed: bool) -> Verdict:
    rule = RuleResult("regret", passed, "+0.5 %", "at most +0.1 %", "Found by a test.")
    return Verdict.of(digest, (rule,))


def test_what_the_gate_never_saw_is_not_promoted(settings: Settings, challenger: str) -> None:
    with pytest.raises(NotJudgedError):
        promote_version(settings, version_of(challenger), who="ann", why="because")


def test_what_the_gate_refused_is_not_promoted_and_the_rule_is_named(
    settings: Settings, challenger: str
) -> None:
    keep_verdict(settings.home, verdict(challenger, passed=False))
    with pytest.raises(NotBetterError, match=r"regret: \+0\.5 %"):
        promote_version(settings, version_of(challenger), who="ann", why="because")


def test_promotion_and_rollback_work_while_mlflow_is_away(
    settings: Settings, challenger: str
) -> None:
    keep_verdict(settings.home, verdict(challenger, passed=True))
    promoted = promote_version(settings, version_of(challenger), who="ann", why="better")
    assert promoted.release.desired.digests == {challenger}
    back = roll_back(settings, who="bob", why="worse after all")
    assert back.release.desired.digests == {bundle_digest(default_bundle())}
    assert back.release.sequence == 3


def test_a_kept_verdict_is_read_back_word_for_word(settings: Settings, challenger: str) -> None:
    from flows.verdicts import kept_verdict

    said = verdict(challenger, passed=True)
    keep_verdict(settings.home, said)
    assert kept_verdict(settings.home, challenger) == said
    other = replace(said, digest=challenger)
    bundle = BundleStore(settings.home / BUNDLES).path(challenger)
    assert promote(settings.home, bundle, other, who="ann", why="because").is_new
