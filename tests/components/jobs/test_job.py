from __future__ import annotations

import math

import pytest

from components.jobs.candidate import Allocation, Candidate
from components.jobs.errors import JobError
from components.jobs.job import Job, Mode
from components.jobs.target import Statistic, Target
from components.node.placement import Layout


@pytest.mark.parametrize("latency_ms", [0.0, -1.0, math.nan, math.inf])
def test_a_target_is_positive_and_finite(latency_ms: float) -> None:
    with pytest.raises(JobError, match="positive number of milliseconds"):
        Target(latency_ms)


def test_a_latency_at_the_target_meets_it() -> None:
    assert Target(7.0).is_met_by(7.0)
    assert not Target(7.0).is_met_by(7.000001)


def test_the_mean_is_no_quantile() -> None:
    assert Statistic.MEAN.quantile is None
    assert [s.quantile for s in (Statistic.P95, Statistic.P99)] == [0.95, 0.99]


def test_only_canary_and_auto_act() -> None:
    assert {mode for mode in Mode if mode.acts} == {Mode.CANARY, Mode.AUTO}


def test_a_candidate_has_a_cpu_and_reads_like_words() -> None:
    assert str(Candidate(4)) == "4 CPUs compact"
    assert str(Candidate(2, Layout.SMT, "dgpu:0", "int8")) == "2 CPUs smt dgpu:0 int8"
    with pytest.raises(JobError, match="needs a CPU"):
        Candidate(0)


def test_an_allocation_has_as_many_cpus_as_its_candidate() -> None:
    assert Allocation(Candidate(2), frozenset({3, 5})).cpus == {3, 5}
    with pytest.raises(JobError, match=r"\[3\] are 1"):
        Allocation(Candidate(2), frozenset({3}))


@pytest.mark.parametrize(("least", "most"), [(0, None), (3, 2), (1, 0)])
def test_least_and_most_cpus_are_in_order(least: int, most: int | None) -> None:
    with pytest.raises(JobError, match="min-cpus"):
        Job("web", Target(7.0), "prometheus:1/m", min_cpus=least, max_cpus=most)


def test_a_batch_has_an_image() -> None:
    with pytest.raises(JobError, match="batch size 0"):
        Job("web", Target(7.0), "prometheus:1/m", batch_size=0)
