"""Drift is seen where the same allocation changed, and only there."""

import numpy as np
import pandas as pd
import pytest

from data_checks.drift import drifts


def rows(
    *,
    seed: int,
    factor: float = 1.0,
    rate_per_s: float = 100.0,
    n_cpus: tuple[int, ...] = (4, 8, 16),
    noise: float = 0.02,
    per_cell: int = 20,
) -> pd.DataFrame:
    """Windows of one job; latency falls with its CPUs."""
    rng = np.random.default_rng(seed)
    cpus = np.repeat(n_cpus, per_cell)
    return pd.DataFrame(
        {
            "node": "n1",
            "job": "resnet",
            "layout": "compact",
            "n_cpus": cpus,
            "served_rate_per_s": rate_per_s * np.exp(rng.normal(0, 0.01, len(cpus))) * 1.05,
            "latency_mean_ms": factor * 100 / cpus * np.exp(rng.normal(0, noise, len(cpus))),
            "contended": False,
        }
    )


def test_a_job_that_became_slower_is_found_with_how_much() -> None:
    [drift] = drifts(rows(seed=0), rows(seed=1, factor=1.3))
    assert drift.shift == pytest.approx(0.3, abs=0.03)
    assert drift.sentence.startswith("resnet on n1 is 3")
    assert "slower" in drift.sentence


def test_a_job_that_became_faster_is_another_drift() -> None:
    [drift] = drifts(rows(seed=0), rows(seed=1, factor=0.7))
    assert drift.key == "n1 resnet down"


@pytest.mark.parametrize("seed", range(20))
def test_noise_alone_is_no_drift(seed: int) -> None:
    assert drifts(rows(seed=seed, noise=0.04), rows(seed=seed + 100, noise=0.04)) == ()


def test_other_allocations_and_loads_are_not_compared() -> None:
    assert drifts(rows(seed=0), rows(seed=1, factor=2.0, n_cpus=(32, 64))) == ()
    assert drifts(rows(seed=0), rows(seed=1, factor=2.0, rate_per_s=300.0)) == ()


def test_contended_windows_and_few_windows_say_nothing() -> None:
    slow = rows(seed=1, factor=1.5)
    assert drifts(rows(seed=0), slow.assign(contended=True)) == ()
    assert drifts(rows(seed=0), rows(seed=1, factor=1.5, per_cell=5)) == ()
    assert drifts(rows(seed=0).iloc[:0], slow) == ()
