from __future__ import annotations

import numpy as np
import pytest
import torch

from components.policy.brain import load_brain
from components.policy.bundle import check_bundle
from components.policy.default_bundle import default_bundle
from components.policy.features import candidate_features
from models.allocator.errors import NotEnoughSamplesError
from models.allocator.live_arrays import of_live
from models.allocator.nets import N_FEATURES, Predictor
from models.allocator.predictor_training import PredictorTraining, ask_questions, train_predictor
from models.allocator.probe_training import ProbeTraining
from models.allocator.retrain import retrain
from models.allocator.seeding import make_repeatable
from models.allocator.surface_arrays import join, narrow, pack
from models.allocator.surfaces import compile_surfaces
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


def test_retraining_starts_from_the_champion_and_names_what_it_learned_from(sweep, tmp_path):
    surfaces = compile_surfaces(sweep)
    told = []
    report = retrain(
        default_bundle(),
        surfaces,
        tmp_path / "new",
        steps=60,
        lake_version=7,
        progress=lambda *what: told.append(what),
    )
    bundle = check_bundle(tmp_path / "new")
    assert bundle.lake_version == 7
    assert bundle.node_classes == ("*",)
    assert report.metrics["live_regret_mean"] < 0.05
    assert report.params["n_surfaces"] == "3"
    # far better than anything trained from nothing in so few steps
    assert report.metrics["all_regret_mean"] < 0.2
    assert graphs(tmp_path / "new") != graphs(default_bundle())
    assert {"training the predictor", "training the probe policy", "evaluating"} <= {
        text for _, _, text in told
    }


def test_what_was_recorded_is_learned(sweep, tmp_path):
    """Latency of the recorded node is predicted better after learning from it."""
    surfaces = compile_surfaces(sweep)[:1]
    before = recorded_error(default_bundle(), surfaces)
    retrain(default_bundle(), surfaces, tmp_path / "new", steps=60)
    assert recorded_error(tmp_path / "new", surfaces) < before


def recorded_error(folder, surfaces):
    """Mean error of log latency from one probe, over the points held out."""
    surface = surfaces[0]
    points = surface.held_out
    features = candidate_features(surface.topology, [p.candidate for p in points])
    widest = max(surface.points, key=lambda p: p.candidate.n_cpus)
    shown = candidate_features(surface.topology, [widest.candidate])
    reading = np.log([[widest.latency_ms, widest.power_w]]).astype(np.float32)
    probes = np.concatenate([shown, reading], axis=1)[np.newaxis]
    forecast = load_brain(folder).forecast(features[np.newaxis], probes, np.ones((1, 1), "f4"))
    truth = np.log([p.latency_ms for p in points])
    return float(np.abs(forecast.latency_log[0] - truth).mean())


def test_what_was_held_out_is_not_learned_from(sweep):
    for surface in compile_surfaces(sweep):
        arrays = of_live([surface])
        learned = {round(float(x), 4) for x in arrays.latency_log[arrays.known]}
        assert learned == {
            round(float(np.float32(np.log(p.latency_ms))), 4) for p in surface.points
        }


@pytest.mark.parametrize("n_rows", [0, 1, 5])
def test_too_few_samples_are_refused_and_nothing_is_written(sweep, tmp_path, n_rows):
    surfaces = compile_surfaces(sweep[sweep["model"] == "mlp"].head(n_rows))
    with pytest.raises(NotEnoughSamplesError, match="6 are needed"):
        retrain(default_bundle(), surfaces, tmp_path / "new")
    assert not (tmp_path / "new").exists()
