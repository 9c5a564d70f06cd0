from dataclasses import replace

import numpy as np
import pytest

from components.jobs.candidate import Candidate
from components.jobs.target import Target
from components.node.topology import grid_topology
from components.policy.belief import Forecast
from components.policy.brain import load_brain
from components.policy.bundle import check_bundle, write_bundle
from components.policy.candidates import candidates_of
from components.policy.context import Reading
from components.policy.default_bundle import default_bundle
from components.policy.errors import BundleError
from components.policy.recorded import JobKey, RecordedBelief, RecordedSurface, RecordedSurfaces
from components.policy.recorded_file import RECORDED, read_recorded, write_recorded
from components.policy.search import Search, SearchSettings
from components.policy.steps import Observation

NODE = grid_topology(sockets=1, l3_per_socket=4, cores_per_l3=4, threads_per_core=1)
JOB = JobKey("here", "server@1", "resnet", 1, "mean")
CANDIDATES = candidates_of(NODE)
COUNTS = np.asarray([c.n_cpus for c in CANDIDATES], dtype=float)
WELL = np.log(80.0 / COUNTS)
POWER = np.log(50.0 + 5.0 * COUNTS)
USES_LAST_GROUP = np.asarray(
    [c.n_cpus > (12 if c.layout == "compact" else 3) for c in CANDIDATES], dtype=bool
)
ILL = WELL + np.log(1.3) * USES_LAST_GROUP


def surface(latency_log, every=3):
    kept = [i for i in range(len(CANDIDATES)) if i % every == 0 or i == len(CANDIDATES) - 1]
    return RecordedSurface(
        JOB,
        tuple(CANDIDATES[i] for i in kept),
        np.asarray(latency_log)[kept],
        POWER[kept],
        np.full(len(kept), 0.002),
    )


def predicted(scale=0.0):
    """What a predictor says that saw all CPUs, and knows nothing of a slow group."""
    sigma = np.full((1, len(COUNTS)), 0.05)
    level = ILL[-1] - WELL[-1]
    return Forecast((WELL + level + scale)[np.newaxis], sigma, POWER[np.newaxis], sigma)


def reading(at, latency_log):
    return Reading(at, float(latency_log), float(POWER[at]))


def test_a_slow_group_that_was_recorded_is_believed_also_between_what_was_recorded():
    belief = RecordedBelief(surface(ILL), NODE, CANDIDATES)
    widest = len(CANDIDATES) - 1
    joined = belief.join(predicted(), [reading(widest, ILL[widest])])
    assert np.abs(predicted().latency_log[0] - ILL).max() > 0.25
    np.testing.assert_allclose(joined.latency_log[0], ILL, atol=0.07)
    recorded = [CANDIDATES.index(c) for c in surface(ILL).candidates]
    np.testing.assert_allclose(joined.latency_log[0][recorded], ILL[recorded], atol=0.02)
    assert (joined.latency_sigma[0][recorded] < 0.02).all()


def test_another_load_moves_all_that_was_recorded():
    belief = RecordedBelief(surface(ILL), NODE, CANDIDATES)
    widest, busier = len(CANDIDATES) - 1, np.log(1.2)
    joined = belief.join(predicted(busier), [reading(widest, ILL[widest] + busier)])
    np.testing.assert_allclose(joined.latency_log[0], ILL + busier, atol=0.07)


def test_a_recording_that_measurements_contradict_does_not_matter_any_more():
    """The node is well again: after two readings that say so, the forecast counts."""
    belief = RecordedBelief(surface(ILL), NODE, CANDIDATES)
    widest, few = len(CANDIDATES) - 1, CANDIDATES.index(Candidate(4))
    sigma = np.full((1, len(COUNTS)), 0.05)
    forecast = Forecast(WELL[np.newaxis], sigma, POWER[np.newaxis], sigma)
    seen = [reading(widest, WELL[widest]), reading(few, WELL[few])]
    joined = belief.join(forecast, seen)
    assert np.abs(joined.latency_log[0] - WELL).max() < 0.05
    believed = belief.join(forecast, seen[:1])
    assert np.abs(believed.latency_log[0] - WELL).max() > 0.05


def test_nothing_measured_or_nothing_recorded_here_leaves_the_forecast_alone():
    forecast = predicted()
    assert RecordedBelief(surface(ILL), NODE, CANDIDATES).join(forecast, []) is forecast
    elsewhere = RecordedBelief(surface(ILL), NODE, (Candidate(99),))
    assert elsewhere.join(forecast, [reading(0, 1.0)]) is forecast


def test_surfaces_come_back_from_their_file():
    there = (surface(ILL), replace(surface(WELL, every=5), job=replace(JOB, node="there")))
    back = read_recorded(write_recorded(there))
    assert list(back.by_job) == [s.job for s in there]
    for before in there:
        after = back.of(before.job)
        assert after is not None
        assert after.candidates == before.candidates
        np.testing.assert_allclose(after.latency_log, before.latency_log, rtol=1e-6)
        np.testing.assert_allclose(after.sigma, before.sigma, rtol=1e-6)
    assert back.of(replace(JOB, model="another")) is None
    assert back.of(None) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda s: replace(s, latency_log=s.latency_log * np.nan),
        lambda s: replace(s, latency_log=s.latency_log + 99.0),
        lambda s: replace(s, sigma=s.sigma - 1.0),
        lambda s: replace(s, power_log=s.power_log[:-1]),
        lambda s: replace(
            s, candidates=(), latency_log=POWER[:0], power_log=POWER[:0], sigma=POWER[:0]
        ),
    ],
)
def test_what_no_recording_can_be_is_refused(change):
    with pytest.raises(BundleError, match=RECORDED):
        read_recorded(write_recorded([change(surface(ILL))]))


@pytest.mark.parametrize("data", [b"", b"no archive", b"PK\x03\x04 torn"])
def test_a_file_that_is_none_is_refused(data):
    with pytest.raises(BundleError, match=RECORDED):
        read_recorded(data)


def test_a_bundle_may_hold_recorded_surfaces_and_a_search_of_that_job_uses_them(tmp_path):
    shipped = check_bundle(default_bundle())
    files = {name: (default_bundle() / name).read_bytes() for name in shipped.files}
    files[RECORDED] = write_recorded([surface(ILL, every=1)])
    write_bundle(tmp_path, shipped, files)
    brain = load_brain(tmp_path)
    widest = len(CANDIDATES) - 1

    def errors(job):
        search = Search(brain, NODE, CANDIDATES, Target(9.0), SearchSettings(job=job))
        at_widest = np.exp([ILL[widest], POWER[widest]]).tolist()
        search.observe(Observation(CANDIDATES[widest], *at_widest))
        told = np.log([p.latency_ms for p in search.predictions()])
        return np.abs(told - ILL)

    assert errors(JOB).max() < 0.03
    assert errors(replace(JOB, node="another")).max() > 0.1
    (tmp_path / RECORDED).write_bytes(files[RECORDED][:-40])
    with pytest.raises(BundleError):
        check_bundle(tmp_path)


def test_a_bundle_without_recorded_surfaces_has_none():
    assert load_brain(default_bundle()).recorded == RecordedSurfaces()
