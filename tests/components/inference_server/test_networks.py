import numpy as np
import onnx
import pytest

from components.inference_server.errors import NetworkNameError
from components.inference_server.networks import NETWORKS, main, write_network
from components.inference_server.prepared_network import PreparedNetwork
from components.inference_server.random_images import RandomImages


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_is_valid_onnx_and_its_answers_are_finite_and_differ(name, tmp_path):
    path = tmp_path / f"{name}.onnx"
    write_network(name, path)
    onnx.checker.check_model(onnx.load(path), full_check=True)
    with PreparedNetwork(path) as network:
        images = RandomImages(network.facts.image_shape, seed=0).batch(3)
        logits = network.session(n_threads=1).run(images)
    assert np.isfinite(logits).all()
    assert np.abs(logits).max() < 1000
    assert not np.allclose(logits[0], logits[1])


@pytest.mark.parametrize(
    ("name", "millions"), [("resnet18", 11.7), ("mobilenet", 4.2), ("mlp-small", 4.2)]
)
def test_a_network_has_as_many_parameters_as_its_paper_says(name, millions):
    model = NETWORKS[name](0)
    n_parameters = sum(int(np.prod(weight.dims)) for weight in model.graph.initializer)
    assert n_parameters / 1e6 == pytest.approx(millions, rel=0.015)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(tmp_path):
    for out, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_network("mlp-small", tmp_path / out, seed)
    a, b, c = (tmp_path.joinpath(out).read_bytes() for out in "abc")
    assert a == b
    assert a != c


def test_an_unknown_network_is_answered_with_the_nearest_known_one(tmp_path):
    with pytest.raises(NetworkNameError, match="perhaps 'mobilenet' was meant"):
        write_network("mobilnet", tmp_path / "out.onnx")
    assert not list(tmp_path.iterdir())


def test_the_command_fails_with_one_line_for_an_unknown_network(tmp_path, capsys):
    assert main(["resnet", str(tmp_path / "out.onnx")]) == 1
    assert capsys.readouterr().err.startswith("error: asked for the network 'resnet'")


def test_the_command_makes_folders_and_leaves_only_the_network(tmp_path):
    assert main(["mlp-small", str(tmp_path / "deep" / "out.onnx")]) == 0
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["out.onnx"]
