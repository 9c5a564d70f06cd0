from __future__ import annotations

import hashlib
import io
import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from components.policy.bundle import bundle_digest, check_bundle
from components.policy.bundle_folder import MAX_FILE_BYTES
from components.policy.errors import BundleError
from components.policy.manifest import SCHEMA_VERSION


def redo_digests(folder):
    manifest = json.loads((folder / "bundle.json").read_text())
    manifest["files"] = {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in manifest["files"]
    }
    (folder / "bundle.json").write_text(json.dumps(manifest))


def change_manifest(folder, **changes):
    manifest = json.loads((folder / "bundle.json").read_text())
    (folder / "bundle.json").write_text(json.dumps(manifest | changes))


def change_graph(folder, change, name="predict.onnx"):
    model = onnx.load(folder / name)
    change(model.graph)
    (folder / name).write_bytes(model.SerializeToString())
    redo_digests(folder)


def weight(graph, name):
    return next(tensor for tensor in graph.initializer if tensor.name == name)


def test_the_shipped_bundle_passes_and_serves_any_node(bundle):
    checked = check_bundle(bundle)
    assert checked.schema_version == SCHEMA_VERSION
    assert checked.kind == "core-allocator"
    assert checked.serves("any-2s64c128t-0")
    assert checked.lake_version is None
    assert {"all_regret_mean", "all_violation_share"} <= set(checked.metrics)


def test_the_shipped_bundle_is_small(bundle):
    assert sum(path.stat().st_size for path in bundle.iterdir()) < 250_000


def test_a_bundle_made_for_other_nodes_does_not_serve_this_one(bundle):
    change_manifest(bundle, node_classes=["amd-2s64c128t-0"])
    assert not check_bundle(bundle).serves("intel-1s2c2t-1")
    assert check_bundle(bundle).serves("amd-2s64c128t-0")


@pytest.mark.parametrize("name", ["predict.onnx", "probe.onnx", "golden.npz"])
def test_a_flipped_bit_in_any_file_is_seen(bundle, name):
    data = bytearray((bundle / name).read_bytes())
    data[len(data) // 2] ^= 1
    (bundle / name).write_bytes(data)
    with pytest.raises(BundleError, match="SHA-256"):
        check_bundle(bundle)


@pytest.mark.parametrize("name", ["bundle.json", "predict.onnx", "golden.npz"])
def test_a_missing_file_is_named(bundle, name):
    (bundle / name).unlink()
    with pytest.raises(BundleError, match=name):
        check_bundle(bundle)


def test_a_file_that_nobody_named_is_refused(bundle):
    (bundle / "more.pkl").write_bytes(b"")
    with pytest.raises(BundleError, match=r"more\.pkl"):
        check_bundle(bundle)


def test_weights_changed_with_their_digest_do_not_give_the_golden_outputs(bundle):
    def change(graph):
        tensor = weight(graph, "hidden.weight")
        values = onnx.numpy_helper.to_array(tensor).copy()
        values[:, 0] += 0.1
        tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))

    change_graph(bundle, change)
    with pytest.raises(BundleError, match="golden"):
        check_bundle(bundle)


def test_weights_that_are_not_finite_are_refused(bundle):
    def change(graph):
        tensor = weight(graph, "hidden.weight")
        values = onnx.numpy_helper.to_array(tensor).copy()
        values[3, 5] = np.nan
        tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))

    change_graph(bundle, change)
    with pytest.raises(BundleError, match="not finite"):
        check_bundle(bundle)


def test_an_operator_that_makes_tensors_of_any_size_is_refused(bundle):
    def change(graph):
        graph.initializer.append(
            helper.make_tensor(
                "size", TensorProto.INT64, [2], np.asarray([2, 10**11]).tobytes(), raw=True
            )
        )
        graph.node.insert(0, helper.make_node("ConstantOfShape", ["size"], ["huge"]))

    change_graph(bundle, change)
    with pytest.raises(BundleError, match="ConstantOfShape"):
        check_bundle(bundle)


def test_an_operator_of_another_domain_is_refused(bundle):
    def change(graph):
        graph.node.append(helper.make_node("Relu", ["x"], ["y"], domain="com.example"))

    change_graph(bundle, change, "probe.onnx")
    with pytest.raises(BundleError, match=r"com\.example"):
        check_bundle(bundle)


def test_weights_in_another_file_are_refused(bundle):
    def change(graph):
        tensor = weight(graph, "hidden.weight")
        entry = tensor.external_data.add()
        entry.key, entry.value = "location", "elsewhere.bin"
        tensor.data_location = TensorProto.EXTERNAL

    change_graph(bundle, change)
    with pytest.raises(BundleError, match="outside its own file"):
        check_bundle(bundle)


def test_a_graph_within_a_graph_is_refused(bundle):
    def change(graph):
        inner = helper.make_graph([], "inner", [], [])
        graph.node.append(
            helper.make_node("If", ["x"], ["y"], then_branch=inner, else_branch=inner)
        )

    change_graph(bundle, change)
    with pytest.raises(BundleError, match="within a graph"):
        check_bundle(bundle)


def test_a_file_above_the_size_cap_is_not_even_read(bundle):
    with (bundle / "predict.onnx").open("ab") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    with pytest.raises(BundleError, match="are allowed"):
        check_bundle(bundle)


def test_inputs_of_another_shape_are_refused(bundle):
    def change(graph):
        del graph.input[0].type.tensor_type.shape.dim[0]

    change_graph(bundle, change)
    with pytest.raises(BundleError, match=r"it takes|does not load"):
        check_bundle(bundle)


def test_golden_values_may_not_be_pickled(bundle):
    buffer = io.BytesIO()
    np.savez(buffer, candidates=np.asarray([object()], dtype=object))
    (bundle / "golden.npz").write_bytes(buffer.getvalue())
    redo_digests(bundle)
    with pytest.raises(BundleError, match="unreadable"):
        check_bundle(bundle)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"schema_version": 2}, "schema version 2"),
        ({"kind": "device-classifier"}, "device-classifier"),
        ({"probe_rule": "guess"}, "guess"),
        ({"node_classes": []}, "no node class"),
        ({"node_classes": "*"}, "node_classes"),
        ({"metrics": {"regret": "low"}}, "metrics"),
        ({"lake_version": "3"}, "lake version"),
        ({"files": {"../x.onnx": "0" * 64}}, "x.onnx"),
        ({"features": []}, "features"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_manifest_that_breaks_the_contract_is_refused(bundle, changes, match):
    change_manifest(bundle, **changes)
    with pytest.raises(BundleError, match=match):
        check_bundle(bundle)


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff"])
def test_a_manifest_that_is_no_json_object_is_refused(bundle, data):
    (bundle / "bundle.json").write_bytes(data)
    with pytest.raises(BundleError):
        check_bundle(bundle)


def test_the_digest_changes_with_any_file(bundle):
    before = bundle_digest(bundle)
    change_manifest(bundle, metrics={})
    assert bundle_digest(bundle) != before


def test_a_folder_that_is_not_there_is_an_error_of_ours(tmp_path):
    with pytest.raises(BundleError, match="unreadable"):
        bundle_digest(tmp_path / "nothing")
