import os
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from components.inference_server.errors import ModelError
from components.inference_server.prepared_network import PreparedNetwork
from components.inference_server.random_images import RandomImages


def _write_identity(path, shape, n_inputs=1, kind=TensorProto.FLOAT):
    inputs = [helper.make_tensor_value_info(f"in{i}", kind, shape) for i in range(n_inputs)]
    nodes = [helper.make_node("Identity", ["in0"], ["out"])]
    output = helper.make_tensor_value_info("out", kind, shape)
    graph = helper.make_graph(nodes, "identity", inputs, [output])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, path)


def test_sessions_of_every_width_agree_with_the_network_as_it_was_written(mlp, network):
    images = RandomImages(network.facts.image_shape, seed=3).batch(4)
    plain = onnxruntime.InferenceSession(str(mlp), providers=["CPUExecutionProvider"])
    expected = plain.run(None, {network.facts.input_name: images})[0]
    for n_threads in (1, 2, 5):
        session = network.session(n_threads)
        assert session.n_threads == n_threads
        np.testing.assert_allclose(session.run(images), expected, rtol=1e-4, atol=1e-4)


def test_a_session_outlives_the_files_it_was_made_of(mlp):
    network = PreparedNetwork(mlp)
    session = network.session(1)
    images = RandomImages(network.facts.image_shape, seed=3).batch(2)
    before = session.run(images)
    network.close()
    np.testing.assert_array_equal(session.run(images), before)


def test_the_facts_tell_what_an_image_is(network):
    assert network.facts.name == "mlp-small"
    assert network.facts.image_shape == (3, 32, 32)
    assert network.facts.image_bytes == 3 * 32 * 32 * 4


def test_a_missing_file_is_an_error_that_says_how_to_make_one(tmp_path):
    with pytest.raises(ModelError, match=r"there is no such file; serve a file made by"):
        PreparedNetwork(tmp_path / "nothing.onnx")


@pytest.mark.parametrize("content", [b"", b"no network at all", b"\x08\x09" * 50])
def test_a_damaged_file_is_an_error_that_names_it(content, tmp_path):
    path = tmp_path / "damaged.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"damaged\.onnx"):
        PreparedNetwork(path)


@pytest.mark.parametrize(
    ("shape", "n_inputs", "kind", "found"),
    [
        ([4, 8], 1, TensorProto.FLOAT, "only the batch may, and must, vary"),
        (["batch", "width"], 1, TensorProto.FLOAT, "only the batch may, and must, vary"),
        (["batch", 8], 2, TensorProto.FLOAT, "one batch of float images is needed"),
        (["batch", 8], 1, TensorProto.INT64, "one batch of float images is needed"),
    ],
)
def test_a_network_without_one_batch_of_float_images_is_refused(
    shape, n_inputs, kind, found, tmp_path
):
    path = tmp_path / "odd.onnx"
    _write_identity(path, shape, n_inputs, kind)
    with pytest.raises(ModelError, match=found):
        PreparedNetwork(path)


def test_nothing_is_left_of_a_prepared_network(mlp, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with PreparedNetwork(mlp):
        assert list(tmp_path.iterdir())
    (tmp_path / "bad.onnx").write_bytes(b"bad")
    with pytest.raises(ModelError):
        PreparedNetwork(tmp_path / "bad.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["bad.onnx"]


def test_onnx_runtime_reports_home_to_nobody(mlp, tmp_path):
    program = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from components.inference_server.prepared_network import PreparedNetwork\n"
        "assert 'onnxruntime' not in sys.modules\n"
        "with PreparedNetwork(Path(sys.argv[1])) as network:\n"
        "    network.session(1)\n"
        "    print(os.environ['ORT_DISABLE_TELEMETRY'], len(os.listdir('/proc/self/task')))\n"
    )
    environment = {key: value for key, value in os.environ.items() if "ORT_" not in key}
    environment |= {"HOME": str(tmp_path), "XDG_CACHE_HOME": "", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", program, str(mlp)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["1", "1"]
    assert not list(tmp_path.iterdir())
