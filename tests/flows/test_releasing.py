"""Promotion by verdict; MLflow away keeps nobody from rolling back."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from components.policy.bundle import bundle_digest
from components.policy.default_bundle import default_bundle
from components.releases.operations import promote, seed
from components.settings.settings import Settings
from flows.errors import NotBetterError, NotJudgedError
from flows.releasing import promote_version, roll_back
from flows.services import free_port
from flows.verdicts import kept_verdict

Make = Callable[..., Any]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(home=tmp_path / "home", mlflow_port=free_port())
    seed(settings.home, default_bundle())
    return settings


def test_what_the_gate_never_saw_is_not_promoted(
    settings: Settings, make_challenger: Make, tmp_path: Path
) -> None:
    version = make_challenger(tmp_path / "elsewhere").version
    with pytest.raises(NotJudgedError):
        promote_version(settings, version, who="ann", why="because")


def test_what_the_gate_refused_is_not_promoted_and_the_rule_is_named(
    settings: Settings, make_challenger: Make
) -> None:
    version = make_challenger(settings.home, passed=False).version
    with pytest.raises(NotBetterError, match=r"regret: \+0\.5 %"):
        promote_version(settings, version, who="ann", why="because")


def test_promotion_and_rollback_work_while_mlflow_is_away(
    settings: Settings, make_challenger: Make
) -> None:
    version = make_challenger(settings.home).version
    promoted = promote_version(settings, version, who="ann", why="better")
    assert promoted.release.desired.digests == {version.digest}
    back = roll_back(settings, who="bob", why="worse after all")
    assert back.release.desired.digests == {bundle_digest(default_bundle())}
    assert back.release.sequence == 3


def test_a_kept_verdict_is_read_back_word_for_word(
    settings: Settings, make_challenger: Make
) -> None:
    made = make_challenger(settings.home)
    assert kept_verdict(settings.home, made.digest) == made.verdict
    assert promote(settings.home, made.bundle, made.verdict, who="ann", why="because").is_new
