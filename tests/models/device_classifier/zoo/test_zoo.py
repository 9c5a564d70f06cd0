from pathlib import Path

import numpy as np
import onnx
import pytest

from components.policy.onnx_runtime import open_session
from models.device_classifier.errors import NetworkError
from models.device_classifier.network_features import network_features
from models.device_classifier.network_features_structure import structure_digest
from models.device_classifier.zoo.catalogue import NETWORKS, build
from models.device_classifier.zoo.files import NetworkFiles
from models.device_classifier.zoo.inputs import InputSpec, input_specs, random_inputs

SMALL = ("mlp-16-64x2", "conv-28-8-16", "inverted-16x4", "resnet20-32", "encoder-16x64x1")


def test_the_zoo_has_at_least_forty_networks_and_no_two_alike() -> None:
    small = [name for name in NETWORKS if "224" not in name and "4096" not in name]
    structures = {structure_digest(build(name)) for name in small if "resnet" not in name}
    assert len(NETWORKS) >= 40
    assert len(structures) == len([name for name in small if "resnet" not in name])


@pytest.mark.parametrize("name", SMALL)
def test_a_network_is_valid_runs_at_any_batch_and_stays_finite(name: str) -> None:
    model = build(name)
    onnx.checker.check_model(model, full_check=True)
    session = open_session(model.SerializeToString())
    for batch in (1, 5):
        (logits,) = session.run(None, random_inputs(input_specs(model), batch))
        assert logits.shape[0] == batch
        assert np.isfinite(logits).all()


def test_attention_is_counted_as_attention_and_depthwise_as_depthwise() -> None:
    encoder = network_features(build("encoder-32x128x2"))
    assert encoder.gmac_attention == pytest.approx(2 * 2 * 32 * 32 * 128 / 1e9)
    assert encoder.gmac_dense == pytest.approx((2 * 12 * 32 * 128 * 128 + 1280) / 1e9)
    assert network_features(build("mobile-025-96")).gmac_depthwise > 0


def test_the_same_name_draws_the_same_network() -> None:
    one, other = (build("mlp-16-32x1").SerializeToString(deterministic=True) for _ in range(2))
    assert one == other


def test_files_are_made_once_and_the_int8_variant_answers_much_the_same(tmp_path: Path) -> None:
    files = NetworkFiles(tmp_path)
    (network,) = files.named(["conv-28-8-16"])
    int8 = files.int8(network)
    made = int8.stat().st_mtime_ns
    assert files.int8(network) == int8
    assert int8.stat().st_mtime_ns == made
    inputs = random_inputs(network.inputs, 8, seed=9)
    exact, rounded = (
        open_session(path.read_bytes()).run(None, inputs)[0] for path in (network.path, int8)
    )
    assert np.corrcoef(exact.ravel(), rounded.ravel())[0, 1] > 0.98
    assert int8.read_bytes() != network.path.read_bytes()
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".onnx", ".onnx"]


def test_an_own_file_is_a_network_too(tmp_path: Path) -> None:
    path = tmp_path / "mine.onnx"
    path.write_bytes(build("mlp-16-32x1").SerializeToString())
    (network,) = NetworkFiles(tmp_path / "kept").named([str(path)])
    assert (network.name, network.path) == ("mine", path)


def test_an_unknown_name_is_refused_with_near_ones(tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match="mlp-16-32x1"):
        NetworkFiles(tmp_path).named(["mlp-16-32"])


def test_inputs_of_whole_numbers_are_not_negative() -> None:
    values = random_inputs((InputSpec("ids", (7,), "int64"),), batch=20_000)["ids"]
    assert values.dtype == np.int64
    assert values.shape == (20_000, 7)
    assert values.min() >= 0
