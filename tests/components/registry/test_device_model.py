"""A device classifier as MLflow shows it, without a server."""

from __future__ import annotations

from components.policy.device_manifest import DeviceBundle
from components.registry.device_model import described_devices, device_signature

BUNDLE = DeviceBundle(
    name="simulated devices",
    node_classes=("made-up-three-devices",),
    source="simulated",
    accounting="marginal",
    lake_version=None,
    table="simulated-roofline-0",
    evaluation_set="e" * 64,
    git_commit="c" * 40,
    metrics={"regret_mean": 0.0131},
    files={},
)


def test_a_version_says_what_it_learned_from_and_how_joules_count() -> None:
    text = described_devices(BUNDLE, "d" * 64)

    for fact in ("simulated table `simulated-roofline-0`", "marginal", "regret_mean 0.0131"):
        assert fact in text
    assert "made-up-three-devices" in text


def test_features_and_corrections_go_in_and_what_is_expected_comes_out() -> None:
    signature = device_signature()

    assert [spec.name for spec in signature.inputs.inputs] == ["features", "shift"]
    assert [spec.name for spec in signature.outputs.inputs] == ["log_cost", "sigma", "p", "loss"]
