"""An alias moved by hand in a real MLflow is a request, granted or put back."""

import json
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from components.policy.default_bundle import default_bundle
from components.registry.facts import RegisteredVersion, TrainingFacts
from components.registry.mlflow_registry import CHAMPION, Registry
from components.releases.canary import End, canary_in_force, end_canary
from components.releases.log import ReleaseLog
from components.releases.operations import promote, seed
from components.releases.source import RELEASES
from components.settings.settings import Settings
from flows.alias_requests import answer_requests
from flows.mirroring import mirror
from flows.services import Services, free_port
from flows.stack import servers

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


def move_alias(settings: Settings, version: RegisteredVersion) -> None:
    """As a person does in the UI."""
    body = {"name": POLICY, "alias": CHAMPION, "version": str(version.version)}
    request = urllib.request.Request(
        f"{settings.mlflow_url}/api/2.0/mlflow/registered-models/alias",
        data=json.dumps(body).encode(),
        headers={"content-type": "application/json"},
    )
    urllib.request.urlopen(request, timeout=10).close()


def tags(settings: Settings, version: RegisteredVersion) -> dict[str, str]:
    """What MLflow's page of a version says beside its metrics."""
    where = f"name={POLICY}&version={version.version}"
    url = f"{settings.mlflow_url}/api/2.0/mlflow/model-versions/get?{where}"
    with urllib.request.urlopen(url, timeout=10) as response:
        found = json.load(response)["model_version"]["tags"]
    return {tag["key"]: tag["value"] for tag in found}


def champion(settings: Settings) -> list[int]:
    versions = Registry(settings.mlflow_url).versions(POLICY)
    return [version.version for version in versions if CHAMPION in version.aliases]


@pytest.mark.slow
def test_what_passed_the_gate_becomes_an_entry_and_what_did_not_is_put_back(
    settings: Settings, make_challenger: Callable[..., Any]
) -> None:
    log = ReleaseLog(settings.home / RELEASES)
    assert answer_requests(settings) == ()

    good = register(settings, make_challenger(settings.home, name="good").bundle)
    move_alias(settings, good)
    [granted] = answer_requests(settings)
    assert "runs everywhere" in granted.title
    entry = log.entries()[-1]
    assert (entry.who, entry.desired.digest_for("any")) == ("someone in MLflow", good.digest)
    assert answer_requests(settings) == ()

    bad = register(settings, make_challenger(settings.home, name="bad", passed=False).bundle)
    move_alias(settings, bad)
    [refused] = answer_requests(settings)
    assert "is put back" in refused.text
    assert champion(settings) == [good.version]
    assert log.entries()[-1] == entry

    made = make_challenger(settings.home, name="tried")
    tried = register(settings, made.bundle)
    asked = {"who": "ann", "why": "to see"}
    promote(settings.home, made.bundle, made.verdict, nodes=("n1",), **asked)
    canary = canary_in_force(log.entries())
    assert canary is not None
    ended = end_canary(settings.home, canary, End.UNDECIDED, who="joulepilot", why="n1: the same")
    mirror(settings, ended.release)
    assert champion(settings) == [good.version]
    assert tags(settings, tried)["canary"] == "undecided, release 4: n1: the same"

    promote(settings.home, made.bundle, made.verdict, **asked)
    assert champion(settings) == [good.version]  # its writer was killed before it was mirrored
    assert answer_requests(settings) == ()
    assert champion(settings) == [tried.version]


def test_with_mlflow_away_nothing_is_answered(tmp_path: Path) -> None:
    (tmp_path / "mirrored.json").write_text('{"core-allocator": 1}')
    assert answer_requests(Settings(home=tmp_path, mlflow_port=free_port())) == ()
