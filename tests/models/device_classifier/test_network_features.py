from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from components.inference_server.architectures import mobilenet, perceptron, resnet18
from components.inference_server.network_draft import NetworkDraft
from models.device_classifier.errors import NetworkError
from models.device_classifier.network_features import (
    NETWORK_FEATURES,
    network_features,
    read_network,
)
from models.device_classifier.network_features_structure import structure_digest


def small_convnet(seed: int = 0, *, name: str = "small") -> onnx.ModelProto:
    draft = NetworkDraft(name, (3, 8, 8), seed)
    draft.convolution(3, 16, kernel=3, stride=2)
    draft.relu()
    draft.convolution(16, 16, kernel=3, groups=16)
    draft.relu()
    draft.global_average()
    draft.linear(16, 10)
    return draft.model(10)


def attention_block() -> onnx.ModelProto:
    """Four tokens of eight values: projections, scores, mixture; no residual."""
    names = ("query", "key", "value")
    nodes = [helper.make_node("MatMul", ["tokens", f"w_{n}"], [n]) for n in names]
    nodes += [
        helper.make_node("Transpose", ["key"], ["turned"], perm=[0, 2, 1]),
        helper.make_node("MatMul", ["query", "turned"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["shares"], axis=-1),
        helper.make_node("MatMul", ["shares", "value"], ["mixed"]),
    ]
    weights = [helper.make_tensor(f"w_{n}", TensorProto.FLOAT, [8, 8], [0.1] * 64) for n in names]
    tokens = helper.make_tensor_value_info("tokens", TensorProto.FLOAT, ["batch", 4, 8])
    mixed = helper.make_tensor_value_info("mixed", TensorProto.FLOAT, ["batch", 4, 8])
    graph = helper.make_graph(nodes, "attention", [tokens], [mixed], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])


def test_features_of_a_perceptron_are_those_counted_by_hand() -> None:
    features = network_features(perceptron("p", (100, 50), 10, seed=1))
    macs = 3072 * 100 + 100 * 50 + 50 * 10
    assert features.gmac_dense == pytest.approx(macs / 1e9)
    assert (features.gmac_conv, features.gmac_depthwise, features.gmac_attention) == (0, 0, 0)
    assert (features.layers, features.depth) == (3, 3)
    assert features.launches == 5  # three layers and two rectifiers; views are free
    assert features.parameters_mb == pytest.approx((macs + 100 + 50 + 10) * 4 / 1e6)
    assert features.activations_mb == pytest.approx((100 + 100 + 50 + 50 + 10) * 4 / 1e6)
    assert features.input_mb == pytest.approx(3072 * 4 / 1e6)
    assert features.smallest_layer_gmac == pytest.approx(50 * 10 / 1e9)
    assert features.peak_mb == pytest.approx((3072 + 100) * 4 / 1e6)
    assert features.weight_bits == 32
    assert features.warnings == ()


def test_features_of_a_convnet_are_those_counted_by_hand() -> None:
    features = network_features(small_convnet())
    assert features.gmac_conv == pytest.approx(16 * 4 * 4 * 3 * 3 * 3 / 1e9)
    assert features.gmac_depthwise == pytest.approx(16 * 4 * 4 * 3 * 3 / 1e9)
    assert features.gmac_dense == pytest.approx(160 / 1e9)
    assert (features.layers, features.depth, features.launches) == (3, 3, 6)
    weights = 16 * 27 + 16 + 16 * 9 + 16 + 160 + 10
    assert features.parameters_mb == pytest.approx(weights * 4 / 1e6)
    assert features.activations_mb == pytest.approx((4 * 256 + 16 + 10) * 4 / 1e6)


def test_features_of_attention_are_those_counted_by_hand() -> None:
    features = network_features(attention_block())
    assert features.gmac_dense == pytest.approx(3 * 4 * 8 * 8 / 1e9)
    assert features.gmac_attention == pytest.approx(2 * 4 * 4 * 8 / 1e9)
    assert (features.layers, features.depth, features.launches) == (5, 3, 7)
    assert features.parameters_mb == pytest.approx(3 * 64 * 4 / 1e6)


def test_known_networks_have_the_work_their_papers_say() -> None:
    residual, mobile = network_features(resnet18(0)), network_features(mobilenet(0))
    assert residual.gmac == pytest.approx(1.82, rel=0.01)
    assert residual.parameters_mb == pytest.approx(11.7 * 4, rel=0.01)
    assert mobile.gmac == pytest.approx(0.57, rel=0.02)
    assert mobile.gmac_depthwise / mobile.gmac == pytest.approx(0.031, abs=0.002)


def test_columns_are_named_and_ordered_as_announced() -> None:
    assert tuple(network_features(small_convnet()).columns()) == NETWORK_FEATURES


def test_unknown_operators_are_named_and_the_rest_still_counts(
    caplog: pytest.LogCaptureFixture,
) -> None:
    model = small_convnet()
    known = network_features(model)
    for node in model.graph.node:
        if node.op_type == "Relu":
            node.op_type, node.domain = "Wobble", "com.example"
    model.opset_import.append(helper.make_opsetid("com.example", 1))
    features = network_features(model)
    assert features.gmac == known.gmac
    assert "Wobble" in features.warnings[0]
    assert "Wobble" in caplog.text


def test_a_fixed_batch_counts_as_one_input() -> None:
    model = small_convnet()
    free = network_features(model)
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 4
    model.graph.output[0].type.tensor_type.shape.dim[0].dim_value = 4
    assert network_features(model).columns() == pytest.approx(free.columns())


def test_what_is_no_network_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(b"not a network")
    with pytest.raises(NetworkError, match="broken"):
        read_network(path)
    with pytest.raises(NetworkError, match="gone"):
        read_network(tmp_path / "gone.onnx")


def test_shapes_that_contradict_are_told() -> None:
    model = attention_block()
    model.graph.initializer[0].dims[:] = [16, 4]
    features = network_features(model)
    assert "no shape could be inferred for MatMul" in features.warnings[0]
    assert features.gmac_dense > 0


def test_equal_networks_have_one_structure_and_others_another() -> None:
    one = structure_digest(small_convnet(0))
    assert structure_digest(small_convnet(1, name="renamed")) == one
    reordered = attention_block()
    nodes = list(reordered.graph.node)
    del reordered.graph.node[:]
    reordered.graph.node.extend([nodes[2], nodes[0], nodes[1], *nodes[3:]])
    assert structure_digest(reordered) == structure_digest(attention_block())
    wider = NetworkDraft("small", (3, 8, 8), 0)
    wider.convolution(3, 17, kernel=3)
    assert structure_digest(wider.model(17)) != one
