"""An alias moved by hand in a real MLflow is a request, granted or put back."""

import json
import shutil
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.policy.default_bundle import default_bundle
from components.registry.facts import RegisteredVersion, TrainingFacts
from components.registry.mlflow_registry import CHAMPION, Registry
from components.releases.log import ReleaseLog
from components.releases.operations import seed
from components.releases.source import BUNDLES, RELEASES
from components.releases.store import BundleStore
from components.releases.verdict import RuleResult, Verdict
from components.settings.settings import Settings
from flows.alias_requests import answer_requests
from flows.mirroring import mirror
from flows.services import Services, free_port
from flows.stack import servers
from flows.verdicts import keep_verdict

POLICY = "core-allocator"


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    """MLflow with the shipped bundle as version 1 and champion."""
    settings = Settings(home=tmp_path, mlflow_port=free_port())
    release = seed(settings.home, default_bundle()).release
    with Services(tmp_path / "logs") as services:
        services.start_all([s for s in servers(settings) if s.name == "mlflow"])
        register(settings, default_bundle())
        assert mirror(settings, release) is None
        yield settings


def register(settings: Settings, bundle: Path) -> RegisteredVersion:
    registry = Registry(settings.mlflow_url)
    facts = TrainingFacts(name="a training", evaluation_set="0" * 64, git_commit="unknown")
    return registry.register(bundle, registry.log_training(facts))


def challenger(settings: Settings, folder: Path, *, passed: bool) -> RegisteredVersion:
    shutil.copytree(default_bundle(), folder)
    manifest = folder / "bundle.json"
    manifest.write_text(manifest.read_text().replace('"allocator"', f'"{folder.name}"'))
    digest = BundleStore(settings.home / BUNDLES).add(folder)
    rule = RuleResult("regret", passed, "+0.5 %", "at most +0.1 %", "Found by a test.")
    keep_verdict(settings.home, Verdict.of(digest, (rule,)))
    return register(settings, folder)


def move_alias(settings: Settings, version: RegisteredVersion) -> None:
    """As a person does in the UI."""
    body = {"name": POLICY, "alias": CHAMPION, "version": str(version.version)}
    request = urllib.request.Request(
        f"{settings.mlflow_url}/api/2.0/mlflow/registered-models/alias",
        data=json.dumps(body).encode(),
        headers={"content-type": "application/json"},
    )
    urllib.request.urlopen(request, timeout=10).close()


def champion(settings: Settings) -> list[int]:
    versions = Registry(settings.mlflow_url).versions(POLICY)
    return [version.version for version in versions if CHAMPION in version.aliases]


@pytest.mark.slow
def test_what_passed_the_gate_becomes_an_entry_and_what_did_not_is_put_back(
    settings: Settings, tmp_path: Path
) -> None:
    log = ReleaseLog(settings.home / RELEASES)
    assert answer_requests(settings) == ()

    good = challenger(settings, tmp_path / "good", passed=True)
    move_alias(settings, good)
    [granted] = answer_requests(settings)
    assert "runs everywhere" in granted.title
    entry = log.entries()[-1]
    assert (entry.who, entry.desired.digest_for("any")) == ("someone in MLflow", good.digest)
    assert answer_requests(settings) == ()

    bad = challenger(settings, tmp_path / "bad", passed=False)
    move_alias(settings, bad)
    [refused] = answer_requests(settings)
    assert "is put back" in refused.text
    assert champion(settings) == [good.version]
    assert log.entries()[-1] == entry


def test_with_mlflow_away_nothing_is_answered(tmp_path: Path) -> None:
    (tmp_path / "mirrored.json").write_text('{"core-allocator": 1}')
    assert answer_requests(Settings(home=tmp_path, mlflow_port=free_port())) == ()
