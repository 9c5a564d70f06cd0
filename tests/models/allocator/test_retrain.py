from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from components.jobs.target import Target
from components.policy.brain import load_brain
from components.policy.bundle import check_bundle
from components.policy.default_bundle import default_bundle
from components.policy.search import Search, SearchSettings
from components.policy.steps import Observation
from models.allocator.errors import NotEnoughSamplesError
from models.allocator.live_arrays import of_live
from models.allocator.live_split import hold_out
from models.allocator.retrain import RetrainBudget, retrain
from models.allocator.starts import StartBudget
from models.allocator.surfaces import compile_surfaces, overlapping_rows

SMALL = RetrainBudget(
    start=StartBudget(n_steps=20, n_validation=4), n_madeup=40, n_evaluation=8, probe_steps=256
)


def graphs(folder):
    return {name: (folder / name).read_bytes() for name in ("predict.onnx", "probe.onnx")}


@pytest.fixture(scope="module")
def surfaces(sweep):
    return compile_surfaces(sweep)


@pytest.fixture(scope="module")
def retrained(surfaces, tmp_path_factory):
    told = []
    folder = tmp_path_factory.mktemp("retrained")
    report = retrain(
        default_bundle(),
        surfaces,
        folder / "new",
        budget=SMALL,
        lake_version=7,
        checkpoints=folder / "checkpoints",
        progress=lambda *what: told.append(what),
    )
    return report, told


def test_a_retrained_bundle_names_what_it_learned_from(retrained):
    report, told = retrained
    bundle = check_bundle(report.bundle)
    assert bundle.lake_version == 7
    assert bundle.node_classes == ("*",)
    assert report.params["n_surfaces"] == "3"
    assert report.metrics["live_regret_mean"] < 0.05
    # far better than anything trained from nothing in so few steps
    assert report.metrics["all_regret_mean"] < 0.3
    assert {
        "training the predictor from the champion",
        "training the predictor from nothing",
    } <= {text for _, _, text in told}


def test_it_says_whether_starting_from_the_champion_helped(retrained):
    report, _ = retrained
    regret = {
        start: report.metrics[f"validation_regret_{start}"]
        for start in ("unchanged", "champion", "scratch")
    }
    assert report.params["start"] == min(regret, key=lambda start: regret[start])
    assert regret["scratch"] > regret["unchanged"]  # in 20 steps nobody learns it from nothing
    assert "champion" in report.sentence
    assert f"{regret['champion']:.2%} fine-tuned" in report.sentence


def test_curves_of_both_starts_come_with_their_validation(retrained):
    curves = retrained[0].curves
    for start in ("champion", "scratch"):
        n_steps = len(curves[f"{start}_loss"])
        assert 10 < n_steps <= 20
        assert len(curves[f"{start}_validation_loss"]) == n_steps
    assert curves["scratch_loss"][-1] < curves["scratch_loss"][0]


class PlugPulledError(Exception):
    """Somebody stopped the training."""


def pull_the_plug(done, _total, text):
    if done == 7 and text == "training the predictor from nothing":
        raise PlugPulledError


def test_an_interrupted_training_goes_on_and_ends_with_the_same_digest(
    surfaces, retrained, tmp_path
):
    checkpoints = tmp_path / "checkpoints"
    with pytest.raises(PlugPulledError):
        retrain(
            default_bundle(),
            surfaces,
            tmp_path / "new",
            budget=SMALL,
            lake_version=7,
            checkpoints=checkpoints,
            progress=pull_the_plug,
        )
    steps = []
    again = retrain(
        default_bundle(),
        surfaces,
        tmp_path / "new",
        budget=SMALL,
        lake_version=7,
        checkpoints=checkpoints,
        progress=lambda *what: steps.append(what),
    )
    assert again.digest == retrained[0].digest
    assert again.curves == retrained[0].curves
    trained = [done for done, _, text in steps if text.startswith("training the predictor")]
    assert len(trained) == 20 - 7  # the rest lay in the checkpoints


def test_what_was_recorded_is_believed_by_a_search_of_that_job(surfaces, retrained):
    surface = surfaces[0]
    before, after = (
        recorded_error(folder, surface) for folder in (default_bundle(), retrained[0].bundle)
    )
    assert after < before / 2


def recorded_error(folder, surface):
    """Mean error of log latency after reading all CPUs, over the points held out."""
    points = {point.candidate: point for point in surface.held_out}
    widest = max(surface.points, key=lambda p: p.candidate.n_cpus)
    candidates = sorted({*points, widest.candidate})
    search = Search(
        load_brain(folder),
        surface.topology,
        candidates,
        Target(7.0),
        SearchSettings(job=surface.job),
    )
    search.observe(Observation(widest.candidate, widest.latency_ms, widest.power_w))
    told = {p.candidate: np.log(p.latency_ms) for p in search.predictions()}
    return np.mean([abs(told[c] - np.log(p.latency_ms)) for c, p in points.items()])


def test_what_was_held_out_is_not_learned_from(surfaces):
    for surface in surfaces:
        arrays = of_live([surface])
        learned = {round(float(x), 4) for x in arrays.latency_log[arrays.known]}
        assert learned == {
            round(float(np.float32(np.log(p.latency_ms))), 4) for p in surface.points
        }


def test_changing_what_is_held_out_changes_no_weight(surfaces, retrained, tmp_path):
    """Fails as soon as anything that is judged on is learned from."""
    slower = [
        replace(s, held_out=tuple(replace(p, latency_ms=9.0 * p.latency_ms) for p in s.held_out))
        for s in surfaces
    ]
    report = retrain(default_bundle(), slower, tmp_path / "new", budget=SMALL, lake_version=7)
    assert graphs(report.bundle) == graphs(retrained[0].bundle)
    assert (report.bundle / "recorded.npz").read_bytes() == (
        retrained[0].bundle / "recorded.npz"
    ).read_bytes()
    judged_on = [check_bundle(r.bundle).evaluation_set for r in (report, retrained[0])]
    assert judged_on[0] != judged_on[1]


def test_one_node_and_one_model_in_five_are_judged_on_and_never_learned_from(surfaces):
    fleet = [
        replace(
            surface,
            job=replace(surface.job, node=f"node-{node}", model=f"model-{model}"),
            learned_rows=frozenset({f"{node} {model} a"}),
            validation_rows=frozenset(),
            held_out_rows=frozenset({f"{node} {model} b"}),
        )
        for node in range(10)
        for model in range(5)
        for surface in surfaces[:1]
    ]
    split = hold_out(fleet, salt=3)
    learned = [surface for surface in split if surface.points]
    judged = [surface for surface in split if not surface.points]
    assert {s.node for s in learned} == {s.node for s in fleet} - {
        s.node for s in judged if all(not o.points for o in split if o.node == s.node)
    }
    assert (len({s.node for s in learned}), len({s.model for s in learned})) == (8, 4)
    assert len(learned) == 8 * 4
    assert overlapping_rows(split) == frozenset()
    assert all(not s.learned_rows and len(s.held_out_rows) == 2 for s in judged)
    assert hold_out(fleet, salt=3) == split
    assert {s.node for s in hold_out(fleet, salt=4) if s.points} != {s.node for s in learned}


def test_of_few_nodes_none_is_held_out_whole(surfaces):
    assert hold_out(surfaces) == surfaces


@pytest.mark.parametrize("n_rows", [0, 1, 5])
def test_too_few_samples_are_refused_and_nothing_is_written(sweep, tmp_path, n_rows):
    few = compile_surfaces(sweep[sweep["model"] == "mlp"].head(n_rows))
    with pytest.raises(NotEnoughSamplesError, match="6 are needed"):
        retrain(default_bundle(), few, tmp_path / "new")
    assert not (tmp_path / "new").exists()
