"""The hub is down while a person promotes: the log has it once, and nodes follow later."""

from __future__ import annotations

import json
import shutil
import sys
from typing import TYPE_CHECKING, Any

import pytest

from components.hub.client import read_nodes
from components.policy.default_bundle import default_bundle
from components.registry.facts import TrainingFacts
from components.registry.mlflow_registry import CHAMPION, Registry
from components.releases.source import BUNDLES
from components.releases.store import BundleStore
from components.releases.verdict import RuleResult, Verdict
from flows.services import Service
from flows.verdicts import keep_verdict

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def start_node(stack: Any, home: Path) -> None:
    hub = stack.settings.hub_url
    argv = [sys.executable, "-m", "components.executor", "run", "--host", "madeup:reference"]
    argv += ["--home", str(home), "--node", "reference", "--mode", "recommend"]
    argv += ["--hub", hub, "--releases", hub, "--pace", "50"]
    stack.services.start(Service("node", argv, lambda: True))


def register_challenger(stack: Any, folder: Path) -> str:
    """A version that passed the gate; its digest."""
    shutil.copytree(default_bundle(), folder)
    manifest = folder / "bundle.json"
    manifest.write_text(manifest.read_text().replace('"allocator"', '"challenger"'))
    digest = BundleStore(stack.settings.home / BUNDLES).add(folder)
    rule = RuleResult("regret", True, "-0.5 %", "at most +0.1 %", "Found by a test.")
    keep_verdict(stack.settings.home, Verdict.of(digest, (rule,)))
    registry = Registry(stack.settings.mlflow_url)
    facts = TrainingFacts(name="a training", evaluation_set="0" * 64, git_commit="unknown")
    registry.register(folder, registry.log_training(facts))
    return digest


def digests(stack: Any) -> dict[str, str | None]:
    states = read_nodes(stack.settings.hub_url)
    return {state.heartbeat.node: state.heartbeat.policy_digest for state in states}


def test_a_promotion_while_the_hub_is_down_is_there_once_and_is_followed_later(
    stack: Any, wait_for: Callable[..., None], tmp_path: Path
) -> None:
    stack.start("hub", "mlflow")
    start_node(stack, tmp_path / "node")
    digest = register_challenger(stack, tmp_path / "challenger")
    wait_for(lambda: "reference" in digests(stack), "the node to be heard of")
    promote = ("promote", "1", "--why", "a test", "--yes", "--json")

    stack.kill("hub")
    said = stack.joulepilot(*promote)
    assert said.returncode == 4, said.stderr
    assert [entry.desired.digest_for("any") for entry in stack.entries()][1:] == [digest]
    again = stack.joulepilot(*promote)
    assert again.returncode == 4, again.stderr
    assert len(stack.entries()) == 2

    stack.start("hub")
    wait_for(lambda: digests(stack).get("reference") == digest, "the node to follow", within_s=60)
    confirmed = stack.joulepilot(*promote)
    assert confirmed.returncode == 0, confirmed.stderr
    assert json.loads(confirmed.stdout)
    assert len(stack.entries()) == 2
    (version,) = Registry(stack.settings.mlflow_url).versions()
    assert CHAMPION in version.aliases
