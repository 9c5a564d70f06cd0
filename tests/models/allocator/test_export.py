from __future__ import annotations

import numpy as np
import pytest
import torch

from components.policy.graphs import ALLOWED_OPERATORS, PREDICT, PROBE, open_graph
from components.policy.onnx_file import read_onnx
from models.allocator.export import (
    export_graphs,
    import_nets,
    random_predictor_inputs,
    random_probe_inputs,
    run,
)
from models.allocator.nets import Predictor, ProbeNet


@pytest.fixture(scope="module")
def nets():
    torch.manual_seed(3)
    predictor, prober = Predictor(), ProbeNet()
    torch.nn.init.normal_(prober.score.weight)
    return predictor, prober


@pytest.fixture(scope="module")
def files(nets):
    return export_graphs(*nets)


def test_only_allowed_operators_are_written(files):
    for graph in (PREDICT, PROBE):
        assert read_onnx(files[graph.file]).operators <= ALLOWED_OPERATORS


def test_the_exported_predictor_equals_the_trained_one(nets, files):
    ask, rng = open_graph(PREDICT, files[PREDICT.file]), np.random.default_rng(0)
    for n_batch, n_candidates, n_probes in ((1, 1, 1), (40, 25, 3), (1, 375, 12), (3, 2, 30)):
        inputs = random_predictor_inputs(rng, n_batch, n_candidates, n_probes)
        for name, value in run(PREDICT, nets[0], inputs).items():
            np.testing.assert_allclose(ask(inputs)[name], value, rtol=1e-4, atol=1e-4)


def test_the_exported_probe_policy_decides_as_the_trained_one(nets, files):
    inputs = random_probe_inputs(np.random.default_rng(1), 10_000)
    trained = run(PROBE, nets[1], inputs)["logits"]
    exported = open_graph(PROBE, files[PROBE.file])(inputs)["logits"]
    np.testing.assert_allclose(exported, trained, rtol=1e-4, atol=1e-3)
    allowed = inputs["row_mask"] > 0.0
    chosen, wanted = (np.where(allowed, x, -np.inf).argmax(axis=1) for x in (exported, trained))
    assert (chosen == wanted).all()


def test_networks_rebuilt_from_a_bundle_are_the_ones_it_was_made_of(nets, files, tmp_path):
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    for before, after in zip(nets, import_nets(tmp_path), strict=True):
        state = after.state_dict()
        for name, value in before.state_dict().items():
            assert torch.equal(state[name], value), name


def test_the_same_networks_give_the_same_bytes(nets, files):
    assert export_graphs(*nets) == files


def test_the_order_of_probes_after_the_first_does_not_matter(nets):
    inputs = random_predictor_inputs(np.random.default_rng(2), 1, 6, 5)
    inputs["probe_mask"][:] = 1.0
    order = [0, 3, 1, 4, 2]
    other = inputs | {"probes": inputs["probes"][:, order]}
    for name, value in run(PREDICT, nets[0], inputs).items():
        np.testing.assert_allclose(run(PREDICT, nets[0], other)[name], value, atol=1e-4)


def test_a_probe_that_is_masked_is_not_seen(nets):
    inputs = random_predictor_inputs(np.random.default_rng(2), 1, 6, 5)
    inputs["probe_mask"][:] = [[1, 1, 1, 0, 0]]
    other = inputs | {"probes": inputs["probes"].copy()}
    other["probes"][:, 3:] = 7.0
    for name, value in run(PREDICT, nets[0], inputs).items():
        np.testing.assert_allclose(run(PREDICT, nets[0], other)[name], value, atol=1e-5)


def test_other_units_of_latency_move_the_prediction_and_nothing_else(nets):
    inputs = random_predictor_inputs(np.random.default_rng(2), 1, 6, 3)
    micro = inputs | {"probes": inputs["probes"].copy()}
    micro["probes"][:, :, -2] += np.float32(np.log(1000.0))
    before, after = run(PREDICT, nets[0], inputs), run(PREDICT, nets[0], micro)
    np.testing.assert_allclose(
        after["latency_log"], before["latency_log"] + np.log(1000.0), atol=1e-4
    )
    np.testing.assert_allclose(after["latency_sigma"], before["latency_sigma"], rtol=1e-3)
    np.testing.assert_allclose(after["power_log"], before["power_log"], atol=1e-4)
