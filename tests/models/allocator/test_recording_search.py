"""The search over a recording: right on what it was told, and honest about what it read."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.jobs.candidate import Candidate
from components.madeup.populations import draw
from components.node.placement import Layout
from components.policy.brain import load_brain
from components.policy.candidates import candidates_of
from components.policy.default_bundle import default_bundle
from models.allocator.arena import Case, run
from models.allocator.recording_search import MAX_PROBES, RecordingContender
from models.allocator.recording_topology import recorded_topology


@pytest.fixture(scope="module")
def brain():
    return load_brain(default_bundle())


def case_of(counts, latency_ms, target_ms, *, n_physical=None, noise=0.0, name="case"):
    most = max(counts)
    topology = recorded_topology(most, n_physical or most)
    return Case(
        name=name,
        family="recording",
        candidates=tuple(Candidate(n) for n in counts),
        latency_ms=np.asarray(latency_ms, dtype=float),
        power_w=np.asarray([50.0 + 5.0 * n for n in counts]),
        target_ms=target_ms,
        n_logical=most,
        n_physical=topology.n_physical,
        noise=noise,
        topology=topology,
    )


@pytest.mark.parametrize("scale_ms", [0.002, 1.0, 120_000.0])
@pytest.mark.parametrize("counts", [range(1, 65), (1, 2, 4, 8, 16, 32, 64), range(1, 257), (1, 2)])
def test_the_cheapest_is_found_where_more_cpus_are_faster(brain, counts, scale_ms):
    latency_ms = [scale_ms * (0.1 + 1.0 / n) for n in counts]
    for best, target_ms in enumerate(latency_ms):
        if best % 7 and best != len(latency_ms) - 1:
            continue
        result = run(RecordingContender(brain, 0.0), case_of(counts, latency_ms, target_ms))
        assert result.exact, (target_ms, result)
        assert result.probes <= MAX_PROBES


def test_a_target_out_of_reach_is_said_to_be(brain):
    counts = range(1, 33)
    case = case_of(counts, [10.0 / n for n in counts], 0.2)
    result = run(RecordingContender(brain, 0.0), case)
    assert result.infeasible
    assert result.exact


def test_a_target_that_one_cpu_keeps_gets_one_cpu(brain):
    counts = range(1, 33)
    case = case_of(counts, [10.0 / n for n in counts], 11.0)
    assert run(RecordingContender(brain, 0.0), case).chosen == Candidate(1)


def test_all_cores_are_looked_at_where_their_siblings_slow_them(brain):
    counts = range(1, 17)
    latency_ms = [8.0 / n if n <= 8 else 1.02 if n < 15 else 0.98 for n in counts]
    result = run(RecordingContender(brain, 0.0), case_of(counts, latency_ms, 1.0, n_physical=8))
    assert result.chosen == Candidate(8)


def test_under_noise_every_reading_counts_and_misses_are_by_true_latency(brain):
    rng = np.random.default_rng(4)
    counts = (1, 2, 4, 8, 16, 32)
    results = [
        run(
            RecordingContender(brain, 0.03),
            case_of(counts, [40.0 / n for n in counts], target_ms, noise=0.03, name=f"case{k}"),
        )
        for k, target_ms in enumerate(rng.uniform(1.4, 39.0, size=60))
    ]
    assert all(r.probes == len(r.probed) and r.confirm_windows == 0 for r in results)
    assert any(len(set(r.probed)) < r.probes for r in results)
    true_ms = {n: 40.0 / n for n in counts}
    assert all(r.violated == (true_ms[r.chosen.n_cpus] > r.target_ms) for r in results)
    assert sum(r.violated for r in results) <= 1


@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_any_recording_ends_with_a_recorded_allocation(brain, data):
    n_logical = data.draw(st.integers(2, 256))
    layouts = st.sampled_from(list(Layout))
    pairs = data.draw(
        st.lists(
            st.tuples(st.integers(1, n_logical), layouts), min_size=1, max_size=30, unique=True
        )
    )
    candidates = tuple(sorted(Candidate(n, layout) for n, layout in pairs))
    positive = st.floats(1e-3, 1e5)
    numbers = st.lists(positive, min_size=len(candidates), max_size=len(candidates))
    n_physical = data.draw(st.integers(1, n_logical))
    sigma = data.draw(st.sampled_from([0.0, 0.01, 0.1]))
    case = Case(
        name="any",
        family="recording",
        candidates=candidates,
        latency_ms=np.asarray(data.draw(numbers)),
        power_w=np.asarray(data.draw(numbers)),
        target_ms=data.draw(positive),
        n_logical=n_logical,
        n_physical=n_physical,
        noise=sigma,
        topology=recorded_topology(n_logical, n_physical),
    )
    result = run(RecordingContender(brain, sigma), case)
    assert result.chosen in candidates
    assert 1 <= result.probes <= MAX_PROBES
    assert math.isfinite(result.regret_whole_node)
    if sigma == 0.0:
        assert not result.violated


def test_other_layouts_are_looked_at_where_the_predictor_hopes_to_save(brain):
    surfaces = draw("stepped", 5, 6)
    probed = set()
    for surface in surfaces:
        candidates = candidates_of(surface.topology)
        case = Case(
            name=surface.name,
            family="recording",
            candidates=candidates,
            latency_ms=surface.latency_ms(candidates),
            power_w=surface.power_w(candidates),
            target_ms=surface.target_ms,
            n_logical=surface.topology.n_logical,
            n_physical=surface.topology.n_physical,
            topology=surface.topology,
        )
        probed |= {
            candidate.layout for candidate in run(RecordingContender(brain, 0.0), case).probed
        }
    assert len(probed) > 1


def test_a_narrow_way_to_keep_a_target_is_found_though_all_cpus_miss_it(brain):
    counts = range(1, 65)
    latency_ms = [0.97 + 0.002 * abs(n - 12) + (0.3 if n < 6 else 0.0) for n in counts]
    result = run(RecordingContender(brain, 0.0), case_of(counts, latency_ms, 1.0))
    assert not result.false_infeasible
    assert result.chosen == Candidate(6)


def test_an_even_number_of_cpus_is_tried_below_an_odd_one_that_just_misses(brain):
    counts = range(1, 65)
    latency_ms = [20.0 / n * (1.05 if n % 2 else 1.0) for n in counts]
    for even in range(22, 62, 4):
        case = case_of(counts, latency_ms, 20.0 / (even - 0.02))
        assert run(RecordingContender(brain, 0.0), case).chosen == Candidate(even)
