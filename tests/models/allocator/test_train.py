from __future__ import annotations

import numpy as np
import torch

from models.allocator.nets import N_FEATURES, Predictor
from models.allocator.predictor_training import PredictorTraining, ask_questions, train_predictor
from models.allocator.probe_training import ProbeTraining
from models.allocator.seeding import make_repeatable
from models.allocator.surface_arrays import join, narrow, pack
from models.allocator.train import Budget, madeup_surfaces, train_default

SMALL = Budget(
    n_surfaces=40,
    n_validation=8,
    n_evaluation=8,
    predictor=PredictorTraining(n_steps=20),
    prober=ProbeTraining(n_steps=512, n_envs=32, batch_size=128),
)


def graphs(folder):
    return {name: (folder / name).read_bytes() for name in ("predict.onnx", "probe.onnx")}


def power_laws(n, rng):
    """Surfaces on which latency and power are powers of the number of CPUs."""
    counts = np.asarray([32, 16, *range(1, 16), *range(17, 32)], dtype=np.float32)
    features = np.zeros((len(counts), N_FEATURES), dtype=np.float32)
    features[:, 0] = np.log(counts)
    columns = []
    for _ in range(n):
        slope, rise = rng.uniform(0.2, 1.0), rng.uniform(0.2, 1.0)
        latency = rng.normal(3.0, 1.0) - slope * np.log(counts)
        columns.append((features, latency, rng.normal(4.0, 0.5) + rise * np.log(counts), counts))
    ones = np.ones(n, dtype=np.float32)
    return pack(columns, ones, 1e-6 * ones, ones)


def test_the_predictor_learns_a_law_from_two_probes():
    make_repeatable(0)
    rng = np.random.default_rng(0)
    net, settings = Predictor(), PredictorTraining(n_steps=250, batch_size=32)
    losses = train_predictor(net, power_laws(200, rng), settings, rng, lambda *_: None)
    assert losses[-1] < losses[0] - 3.0
    fresh = power_laws(50, rng)
    probes = fresh.features[:, :2]
    readings = np.stack([fresh.latency_log[:, :2], fresh.power_log[:, :2]], axis=2)
    with torch.no_grad():
        latency, _, power, _ = net(
            torch.from_numpy(fresh.features),
            torch.from_numpy(np.concatenate([probes, readings], axis=2)),
            torch.ones(50, 2),
        )
    assert np.median(np.abs(latency.numpy() - fresh.latency_log)) < 0.1
    assert np.median(np.abs(power.numpy() - fresh.power_log)) < 0.1


def test_questions_never_show_padding():
    rng = np.random.default_rng(0)
    surfaces = madeup_surfaces(20, 3)
    questions = ask_questions(surfaces, PredictorTraining(), rng)
    padding = (questions.probes[:, :, :N_FEATURES] == 0.0).all(axis=2)
    assert not (padding & (questions.probe_mask > 0.0)).any()
    assert (questions.probe_mask[:, 0] == 1.0).all()


def test_surfaces_of_different_length_are_joined_and_narrowed_without_loss():
    rng = np.random.default_rng(0)
    short, long = narrow(power_laws(2, rng), 5), power_laws(3, rng)
    joined = join([short, long])
    assert len(joined) == 5
    assert joined.known.sum(axis=1).tolist() == [5, 5, 32, 32, 32]
    np.testing.assert_array_equal(joined.latency_log[2:], long.latency_log)


def test_training_twice_with_a_seed_gives_the_same_graphs(tmp_path):
    reports = [train_default(tmp_path / name, seed=3, budget=SMALL) for name in ("a", "b")]
    assert graphs(tmp_path / "a") == graphs(tmp_path / "b")
    assert reports[0].metrics == reports[1].metrics
    assert reports[0].digest == reports[1].digest
    train_default(tmp_path / "c", seed=4, budget=SMALL)
    assert graphs(tmp_path / "c") != graphs(tmp_path / "a")
