"""Against a real MLflow server."""

from __future__ import annotations

import json
import shutil
import urllib.parse
import urllib.request
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from components.policy.errors import BundleError
from components.registry.errors import RegistryRefusedError
from components.registry.facts import LakeData, TrainingFacts
from components.registry.figures import curves_figure
from components.registry.mlflow_registry import Registry
from components.releases.desired import Desired, Ring
from components.releases.entry import Kind, Release
from components.releases.scores import CaseScore, Scores
from components.releases.verdict import RuleResult, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    MakeBundle = Callable[..., Path]

pytestmark = pytest.mark.slow
POLICY = "core-allocator"


@pytest.fixture
def registry(mlflow_url: str) -> Registry:
    return Registry(mlflow_url)


@pytest.fixture
def facts(tmp_path: Path) -> TrainingFacts:
    cases = (CaseScore("a", 0.01, False, 5, 1, 200.0), CaseScore("b", 0.03, False, 7, 1, 210.0))
    return TrainingFacts(
        name="retrain on samples 7",
        evaluation_set="e" * 64,
        git_commit="c0ffee",
        data=LakeData("/srv/lake", 7, n_rows=120),
        params={"seed": 1, "steps": 300, "family": "mixed"},
        curves={"loss": [3.0, 2.0, 1.5]},
        results={"cpu_s": 12.5},
        scores={"challenger": Scores("c", "e" * 64, cases)},
        figures=(curves_figure(tmp_path / "loss.png", "Loss", {"loss": [3.0, 2.0, 1.5]}),),
        champion_digest="d" * 64,
    )


def release(sequence: int, digest: str, canary: str | None = None) -> Release:
    rings = (Ring(("*",), {POLICY: digest}),)
    if canary is not None:
        rings = (Ring(("n1",), {POLICY: canary}), *rings)
    verdict = Verdict.of(canary or digest, (RuleResult("regret", True, "0", "0", "Fine."),))
    return Release(
        sequence=sequence,
        kind=Kind.PROMOTE if canary is None else Kind.CANARY,
        desired=Desired(rings),
        who="ann",
        when=datetime.now(UTC),
        why="a test",
        verdict=verdict,
    )


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)


def test_a_training_is_found_again_with_all_its_facts(
    registry: Registry, mlflow_url: str, facts: TrainingFacts
) -> None:
    run_id = registry.log_training(facts)
    api = f"{mlflow_url}/api/2.0/mlflow"
    run = get(f"{api}/runs/get?run_id={run_id}")["run"]
    assert run["info"]["run_name"] == "retrain on samples 7"
    assert run["info"]["status"] == "FINISHED"
    params = {item["key"]: item["value"] for item in run["data"]["params"]}
    assert params == {"seed": "1", "steps": "300", "family": "mixed"}
    metrics = {item["key"]: item["value"] for item in run["data"]["metrics"]}
    assert metrics["loss"] == 1.5
    assert metrics["cpu_s"] == 12.5
    assert metrics["challenger/regret_mean"] == pytest.approx(0.02)
    history = get(f"{api}/metrics/get-history?run_id={run_id}&metric_key=loss")["metrics"]
    assert [(item["step"], item["value"]) for item in history] == [(0, 3.0), (1, 2.0), (2, 1.5)]
    tags = {item["key"]: item["value"] for item in run["data"]["tags"]}
    assert tags["mlflow.source.git.commit"] == "c0ffee"
    assert tags["evaluation_set"] == "e" * 64
    assert tags["lake_version"] == "7"
    assert "version 7 of the lake's samples" in tags["mlflow.note.content"]
    inputs = {item["tags"][0]["value"]: item["dataset"] for item in run["inputs"]["dataset_inputs"]}
    assert inputs["evaluation"]["digest"] == ("e" * 64)[:36]
    dataset = inputs["training"]
    assert (dataset["name"], dataset["digest"], dataset["source_type"]) == (
        "samples",
        "v7",
        "delta_table",
    )
    figures = get(f"{api}/artifacts/list?run_id={run_id}&path=figures")["files"]
    assert [item["path"] for item in figures] == ["figures/loss.png"]
    scores = get(f"{mlflow_url}/get-artifact?run_id={run_id}&path=scores%2Fchallenger.json")
    assert scores["cases"][1]["probes"] == 7


def test_a_bundle_becomes_a_version_that_names_where_it_comes_from(
    registry: Registry, mlflow_url: str, facts: TrainingFacts, make_bundle: MakeBundle
) -> None:
    run_id = registry.log_training(facts)
    version = registry.register(make_bundle("one"), run_id)
    assert version in registry.versions()
    assert (version.run_id, version.lake_version, version.evaluation_set, version.git_commit) == (
        run_id,
        7,
        "e" * 64,
        "c0ffee",
    )
    assert version.release_sequence is None
    assert "challenger" in version.aliases
    assert version.digest in version.description
    assert "version 7 of the lake" in version.description
    lineage = registry.lineage(version.digest)
    assert lineage.version == version
    assert lineage.run_name == "retrain on samples 7"
    (learned_from,) = lineage.inputs
    assert "samples v7" in learned_from
    assert "/srv/lake/samples" in learned_from
    outputs = get(f"{mlflow_url}/api/2.0/mlflow/runs/get?run_id={run_id}")["run"]["outputs"]
    assert len(outputs["model_outputs"]) == 1
    assert lineage.champion_digest == "d" * 64
    assert lineage.metrics["bundle/regret_mean"] == pytest.approx(0.0123)


def test_what_is_kept_of_a_version_is_the_bundle_and_its_signature(
    registry: Registry, mlflow_home: Path, make_bundle: MakeBundle
) -> None:
    bundle = make_bundle("kept")
    registry.register(bundle)
    artifacts = (mlflow_home / "mlflow/artifacts").rglob("predict.onnx")
    [kept] = [path.parent for path in artifacts if path.read_bytes() == b"predict kept"]
    files = {path.name: path.read_bytes() for path in kept.iterdir()}
    described = files.pop("MLmodel").decode()
    assert files == {path.name: path.read_bytes() for path in bundle.iterdir()}
    assert "joulepilot" in described
    assert "candidates" in described
    assert "python_function" not in described


def test_registering_a_bundle_again_gives_the_same_version(
    registry: Registry, make_bundle: MakeBundle
) -> None:
    bundle = make_bundle("again")
    first = registry.register(bundle)
    assert registry.register(bundle).version == first.version


def test_a_damaged_bundle_is_not_registered(registry: Registry, make_bundle: MakeBundle) -> None:
    bundle = make_bundle("rot")
    (bundle / "probe.onnx").write_bytes(b"rot")
    with pytest.raises(BundleError, match=r"probe\.onnx"):
        registry.register(bundle)


def test_aliases_follow_the_release_log(registry: Registry, make_bundle: MakeBundle) -> None:
    old, new = registry.register(make_bundle("old")), registry.register(make_bundle("new"))
    report = registry.mirror(release(1, old.digest))
    assert (report.champion, report.challenger) == (old.version, new.version)
    report = registry.mirror(release(2, new.digest))
    assert (report.champion, report.champion_before) == (new.version, old.version)
    assert report.challenger is None
    by_version = {item.version: item for item in registry.versions()}
    assert by_version[new.version].aliases == ("champion",)
    assert by_version[new.version].release_sequence == 2
    assert by_version[old.version].aliases == ()
    assert by_version[old.version].release_sequence == 1


def test_a_release_without_the_policy_leaves_it_without_a_champion(
    registry: Registry, make_bundle: MakeBundle
) -> None:
    made = registry.register(make_bundle("lonely"))
    with_it = release(1, made.digest)
    registry.mirror(with_it)
    nobody = Desired((Ring(("*",), {}),))
    without = replace(with_it, sequence=2, kind=Kind.ROLLBACK, verdict=None, desired=nobody)
    report = registry.mirror(without)
    assert (report.champion, report.champion_before) == (None, made.version)
    assert all("champion" not in item.aliases for item in registry.versions())
    said = registry._client.get_registered_model(POLICY).description
    assert said.startswith("No champion since")
    assert registry.mirror(with_it, "device-classifier").champion is None


def test_the_registrys_page_tells_the_champion_since_when_by_whom_and_why(
    registry: Registry, make_bundle: MakeBundle
) -> None:
    champion = registry.register(make_bundle("told"))
    entry = release(6, champion.digest)
    registry.mirror(entry)
    client = registry._client
    said = client.get_registered_model(POLICY).description
    since = f"{entry.when:%Y-%m-%d %H:%M} UTC"
    assert said.startswith(f"Champion is version {champion.version} since {since}, release 6")
    assert said.endswith(f"by {entry.who}: {entry.why}")
    tags = client.get_model_version(POLICY, str(champion.version)).tags
    assert (tags["champion_since"], tags["promoted_by"]) == (since, entry.who)
    registry.mirror(replace(entry, sequence=7, who="someone else"))
    assert client.get_registered_model(POLICY).description == said


def test_scores_are_read_back_case_by_case(
    registry: Registry, facts: TrainingFacts, make_bundle: MakeBundle
) -> None:
    version = registry.register(make_bundle("scored"), registry.log_training(facts))
    for role, scores in facts.scores.items():
        assert registry.scores(version, role) == scores
    assert registry.scores(version, "nobody") is None


def test_a_canary_is_the_challenger(registry: Registry, make_bundle: MakeBundle) -> None:
    old, new = registry.register(make_bundle("all")), registry.register(make_bundle("few"))
    registry.register(make_bundle("later"))
    report = registry.mirror(release(3, old.digest, canary=new.digest))
    assert (report.champion, report.challenger) == (old.version, new.version)


def test_an_alias_moved_by_hand_is_put_back_and_told(
    registry: Registry, mlflow_url: str, make_bundle: MakeBundle
) -> None:
    right, other = registry.register(make_bundle("right")), registry.register(make_bundle("other"))
    registry.mirror(release(4, right.digest))
    body = {"name": POLICY, "alias": "champion", "version": str(other.version)}
    request = urllib.request.Request(
        f"{mlflow_url}/api/2.0/mlflow/registered-models/alias",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    urllib.request.urlopen(request, timeout=10).close()
    report = registry.mirror(release(4, right.digest))
    assert (report.champion, report.champion_before) == (right.version, other.version)


def test_a_release_of_a_bundle_that_is_not_registered_cannot_be_mirrored(
    registry: Registry, make_bundle: MakeBundle
) -> None:
    registry.register(make_bundle("known"))
    with pytest.raises(RegistryRefusedError, match="register that bundle first"):
        registry.mirror(release(5, "0" * 64))
    with pytest.raises(RegistryRefusedError, match="no such version"):
        registry.lineage("0" * 64)


def test_a_policy_without_versions_has_none(registry: Registry) -> None:
    assert registry.versions("device-classifier") == ()


def test_two_versions_are_compared_on_one_page(
    registry: Registry, mlflow_url: str, facts: TrainingFacts, make_bundle: MakeBundle
) -> None:
    first, second = (
        registry.register(make_bundle(name), registry.log_training(facts)) for name in ("x", "y")
    )
    url = registry.compare_url(first, second)
    page, query = url.split("?", 1)
    asked = urllib.parse.parse_qs(query)
    assert page == f"{mlflow_url}/#/compare-model-versions"
    assert json.loads(asked["name"][0]) == POLICY
    assert json.loads(asked["runs"][0]) == {
        str(first.version): first.run_id,
        str(second.version): second.run_id,
    }
    assert asked["workflowType"] == ["machine_learning"]
    with pytest.raises(RegistryRefusedError, match="it has no run"):
        registry.compare_url(first, registry.register(make_bundle("z")))


def test_what_mlflow_refuses_is_said_so_and_the_run_is_marked_failed(
    registry: Registry, mlflow_url: str
) -> None:
    facts = TrainingFacts(
        name="odd name", evaluation_set="e" * 64, git_commit="c0ffee", params={"../x": 1}
    )
    with pytest.raises(RegistryRefusedError, match="it refuses"):
        registry.log_training(facts)
    body = json.dumps({"experiment_ids": ["1"], "filter": "run_name = 'odd name'"}).encode()
    request = urllib.request.Request(
        f"{mlflow_url}/api/2.0/mlflow/runs/search",
        data=body,
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        [run] = json.load(answer)["runs"]
    assert run["info"]["status"] == "FAILED"


@pytest.mark.browser
def test_the_page_that_compares_two_versions_shows_both_without_the_internet(
    registry: Registry, facts: TrainingFacts, make_bundle: MakeBundle
) -> None:
    from playwright.sync_api import expect, sync_playwright

    versions = [
        registry.register(make_bundle(name), registry.log_training(facts)) for name in ("p", "q")
    ]
    offline = "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", offline]
        )
        page = browser.new_page()
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(registry.compare_url(*versions), wait_until="commit", timeout=90_000)
        expect(page.get_by_text("Comparing 2 Versions")).to_be_visible(timeout=90_000)
        for version in versions:
            assert version.run_id is not None
            expect(page.get_by_text(version.run_id)).to_be_visible(timeout=30_000)
        browser.close()
    assert problems == []
