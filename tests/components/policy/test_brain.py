from __future__ import annotations

import numpy as np
import pytest

from components.policy.candidates import candidates_of
from components.policy.default_bundle import default_bundle
from components.policy.errors import PolicyError
from components.policy.features import candidate_features
from components.policy.rows import COMMIT, N_ROWS, ROW_FEATURES, Rows


def inputs(topology):
    features = candidate_features(topology, candidates_of(topology))
    reading = np.log([[20.0, 300.0]]).astype(np.float32)
    probes = np.concatenate([features[-1:], reading], axis=1)
    return features[np.newaxis], probes[np.newaxis], np.ones((1, 1), dtype=np.float32)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_refused_before_anything_is_predicted(brain, big_node, bad):
    candidates, probes, mask = inputs(big_node)
    probes[0, 0, -1] = bad
    with pytest.raises(PolicyError, match="not finite"):
        brain.forecast(candidates, probes, mask)
    rows = Rows(
        np.zeros((1, COMMIT), dtype=np.intp),
        np.full((1, N_ROWS, len(ROW_FEATURES)), bad, dtype=np.float32),
        np.ones((1, N_ROWS), dtype=np.bool_),
    )
    with pytest.raises(PolicyError, match="not finite"):
        brain.logits(rows)


def test_inputs_of_another_width_are_an_error_of_ours(brain, big_node):
    candidates, probes, mask = inputs(big_node)
    with pytest.raises(PolicyError, match=r"predict\.onnx"):
        brain.forecast(candidates[:, :, :5], probes, mask)


def test_it_knows_what_it_was_made_of(brain):
    assert brain.bundle.kind == "core-allocator"
    assert len(brain.digest) == 64


def test_fewer_cpus_are_believed_to_be_slower_and_to_need_less_power(brain, big_node):
    forecast = brain.forecast(*inputs(big_node))
    counts = np.asarray([c.n_cpus for c in candidates_of(big_node)])
    few, many = counts <= 8, counts >= 100
    assert forecast.latency_log[0, few].mean() > forecast.latency_log[0, many].mean()
    assert forecast.power_log[0, few].mean() < forecast.power_log[0, many].mean()
    assert (forecast.latency_sigma > 0.0).all()
    assert default_bundle().is_dir()
