"""A device classifier is a bundle: checked as one, scored, gated, released and followed."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from components.executor.bundle_shelf import BundleShelf
from components.executor.follow import ReleaseFollower
from components.executor.state import StateStore
from components.jobs.candidate import Candidate
from components.policy.any_bundle import POLICIES, check_any_bundle, manifest_of
from components.policy.bundle import check_bundle
from components.policy.default_bundle import default_bundle
from components.policy.device_bundle import check_device_bundle, load_device_classifier
from components.policy.device_manifest import DEVICE_CLASSIFIER, DeviceBundle
from components.policy.device_predictor import DevicePredictor, DeviceWork
from components.policy.errors import BundleError, PolicyError
from components.policy.manifest import CORE_ALLOCATOR
from components.registry.model_files import described
from components.releases import operations
from components.releases.gate import ChallengerFacts, judge
from components.releases.source import FolderSource
from models.device_classifier.bundling_scores import figures, score_classifier, score_static

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from components.policy.device_bundle import DeviceClassifier
    from components.releases.verdict import Verdict
    from models.device_classifier.bundling_scores import DeviceCases
    from models.device_classifier.table import DeviceTable

NODE_CLASS = "made-up-three-devices"


def verdict_of(classifier: DeviceClassifier, cases: DeviceCases) -> Verdict:
    static = score_static(cases)
    facts = ChallengerFacts(
        digest=classifier.digest, data_checked=True, lake_version=None, n_overlapping_rows=0,
        bundle_bytes=1000, bundle_problem=None,
    )  # fmt: skip
    mine = score_classifier(classifier, cases)
    return judge(mine, static, static, facts, reference="the best static device", cost="energy")


def test_both_kinds_are_told_apart_by_their_manifest(folder: Path) -> None:
    assert isinstance(check_any_bundle(folder), DeviceBundle)
    assert check_any_bundle(default_bundle()).kind == CORE_ALLOCATOR
    assert set(POLICIES) == {CORE_ALLOCATOR, DEVICE_CLASSIFIER}
    with pytest.raises(BundleError):
        check_bundle(folder)
    with pytest.raises(BundleError):
        check_device_bundle(default_bundle())


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def _edit(folder: Path, **changes: object) -> None:
    manifest = folder / "bundle.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), **changes}))


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: _flip(folder / "energy.onnx"),
        lambda folder: _flip(folder / "device_golden.npz"),
        lambda folder: (folder / "latency.onnx").unlink(),
        lambda folder: (folder / "more.onnx").write_bytes(b""),
        lambda folder: (folder / "bundle.json").write_text("{"),
        lambda folder: _edit(folder, kind="else"),
        lambda folder: _edit(folder, source="recorded"),
        lambda folder: _edit(folder, metrics={"regret": "low"}),
        lambda folder: _edit(folder, node_classes=[]),
        lambda folder: _edit(folder, lake_version=True),
        lambda folder: _edit(folder, more=1),
    ],
)
def test_a_damaged_bundle_is_refused(
    folder: Path, tmp_path: Path, damage: Callable[[Path], object]
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    damage(copy)

    with pytest.raises(BundleError):
        check_any_bundle(copy)


def test_the_manifest_says_what_it_learned_from(folder: Path, table: DeviceTable) -> None:
    manifest = manifest_of((folder / "bundle.json").read_bytes())

    assert isinstance(manifest, DeviceBundle)
    assert (manifest.source, manifest.table, manifest.accounting) == (
        "simulated",
        table.name,
        "marginal",
    )
    assert "simulated" in manifest.name
    assert table.name in described(manifest, "d" * 64)


def test_on_networks_never_seen_it_does_better_than_the_best_static_device(
    classifier: DeviceClassifier, cases: DeviceCases
) -> None:
    ours, static = figures(score_classifier(classifier, cases)), figures(score_static(cases))

    assert ours["missed_share"] <= static["missed_share"]
    assert ours["best_share"] > static["best_share"]
    assert verdict_of(classifier, cases).passed


def test_the_gate_names_what_it_compares_with(
    classifier: DeviceClassifier, cases: DeviceCases
) -> None:
    names = [rule.name for rule in verdict_of(classifier, cases).rules]

    assert "energy against the best static device" in names
    assert not any("CPUs" in name for name in names)


def test_candidates_with_a_device_are_predicted_as_candidates_of_cpus_are(
    predictor: DevicePredictor, table: DeviceTable
) -> None:
    features = dict(zip(table.feature_names, table.features[0].tolist(), strict=True))
    work = DeviceWork(features, batch=64, clock_share=1.0)
    candidates = (Candidate(1), Candidate(8), Candidate(2, device="dgpu:0"))

    narrow, wide, gpu = predictor.predict(work, rate_per_s=10.0, idle_w=32.0, candidates=candidates)

    by_name = {each.device: each for each in predictor.expected(work).devices}
    assert narrow.latency_ms == pytest.approx(by_name["cpu@1"].latency_ms)
    assert wide.latency_ms == pytest.approx(by_name["cpu@8"].latency_ms)
    assert gpu.power_w == pytest.approx(32.0 + 10.0 * by_name["dgpu"].energy_j)
    assert predictor.column("cpu", 3) in {"cpu@1", "cpu@8"}
    with pytest.raises(PolicyError, match="npu"):
        predictor.column("npu", 1)


def test_what_is_missing_of_a_network_is_named(predictor: DevicePredictor) -> None:
    with pytest.raises(PolicyError, match="gmac_conv"):
        predictor.expected(DeviceWork({"layers": 3.0}, 1, 1.0))


def follower(home: Path, state: Path, node_class: str = NODE_CLASS) -> ReleaseFollower:
    return ReleaseFollower(
        "node-1",
        node_class,
        FolderSource(home),
        StateStore(state / "state.json"),
        BundleShelf(state / "bundles"),
        shipped=default_bundle(),
    )


def test_a_promoted_classifier_reaches_the_node_beside_the_allocator_and_goes_again(
    folder: Path, classifier: DeviceClassifier, cases: DeviceCases, tmp_path: Path
) -> None:
    home, state = tmp_path / "home", tmp_path / "node"
    operations.seed(home, default_bundle())
    operations.promote(
        home, folder, verdict_of(classifier, cases), who="ann", why="devices",
        policy=DEVICE_CLASSIFIER, when=datetime.now(UTC),
    )  # fmt: skip
    following = follower(home, state)
    following.step()

    followed = following.current()
    assert followed.devices is not None
    assert followed.devices.digest == classifier.digest
    assert followed.brain is not None
    assert followed.health == ()

    again = follower(home, state)  # after a restart, before the log was read
    assert again.current().devices is not None
    operations.rollback(home, who="ann", why="back")
    again.step()
    assert again.current().devices is None
    assert again.current().brain is not None


def test_a_classifier_for_other_nodes_is_not_taken_and_the_allocator_goes_on(
    folder: Path, cases: DeviceCases, classifier: DeviceClassifier, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    _edit(copy, node_classes=["elsewhere"])
    other = load_device_classifier(copy)
    home = tmp_path / "home"
    operations.seed(home, default_bundle())
    operations.promote(
        home, copy, verdict_of(other, cases), who="ann", why="x", policy=DEVICE_CLASSIFIER
    )
    following = follower(home, tmp_path / "node")
    following.step()

    followed = following.current()
    assert followed.devices is None
    assert followed.brain is not None
    assert any("made for elsewhere" in line for line in followed.health)
