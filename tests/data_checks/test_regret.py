"""Regret is found where a cheaper allocation was measured beside the champion's, and only there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from data_checks.regret import regrets

CHAMPION = "c" * 64
START = datetime(2026, 5, 4, 3, tzinfo=UTC)
CHOSEN, BETTER = 32, 16


def windows(
    n_cpus: int,
    power_w: float,
    n: int,
    *,
    arm: str = "policy",
    latency_ms: float = 6.0,
    seed: int = 0,
    begin_s: float = 0.0,
    **fields: object,
) -> pd.DataFrame:
    """Windows of one job with one allocation; power has 1 % of noise."""
    rng = np.random.default_rng([seed, n_cpus, n])
    columns: dict[str, object] = {
        "node": "n1", "fingerprint": "f", "job": "web", "model": "m", "variant": "",
        "device": "cpu", "layout": "compact", "target_ms": 7.0, "target_statistic": "mean",
        "contended": False,
        "power_source": "measured", "policy_digest": CHAMPION, "served_rate_per_s": 100.0,
        "latency_p50_ms": None, "latency_p95_ms": None, "latency_p99_ms": None,
        "latency_mean_ms": latency_ms, "arm": arm, "n_cpus": n_cpus,
    }  # fmt: skip
    return pd.DataFrame(
        columns
        | {
            "window_start": [START + timedelta(seconds=begin_s + 10 * i) for i in range(n)],
            "node_power_w": power_w * np.exp(rng.normal(0, 0.01, n)),
        }
        | fields
    )


def frame(*parts: pd.DataFrame) -> pd.DataFrame:
    return pd.concat(parts, ignore_index=True)


def swept(power_w: float, **fields: object) -> pd.DataFrame:
    return windows(BETTER, power_w, 3, arm="sweep", begin_s=500, **fields)  # type: ignore[arg-type]


def test_a_cheaper_allocation_of_a_sweep_is_regret_in_words() -> None:
    [regret] = regrets(frame(windows(CHOSEN, 220, 20), swept(200)), CHAMPION)
    assert regret.share == pytest.approx(0.1, abs=0.015)
    assert regret.key == "n1 web 32 CPUs compact 16 CPUs compact"
    assert regret.sentence.startswith("web on n1 has 32 CPUs compact, which takes ")
    assert "3 windows (sweep)" in regret.sentence


def test_the_largest_of_a_job_is_told() -> None:
    cheapest = windows(12, 190, 3, arm="canary")
    [regret] = regrets(frame(windows(CHOSEN, 220, 20), swept(200), cheapest), CHAMPION)
    assert regret.better == "12 CPUs compact"


def test_p95_targets_are_judged_by_p95() -> None:
    late = {"target_statistic": "p95", "latency_p95_ms": 9.0}
    kept = {"target_statistic": "p95", "latency_p95_ms": 6.5}
    mine = windows(CHOSEN, 220, 20, **kept)  # type: ignore[arg-type]
    assert regrets(frame(mine, swept(200, **late)), CHAMPION) == ()
    assert len(regrets(frame(mine, swept(200, **kept)), CHAMPION)) == 1


@pytest.mark.parametrize(
    "other",
    [
        swept(215),
        swept(200, latency_ms=7.5),
        swept(200, contended=True),
        swept(200, served_rate_per_s=200.0),
        swept(200, target_ms=5.0),
        swept(200, power_source="modelled"),
        swept(200, fingerprint="g"),
        swept(200).iloc[:1],
        swept(200).assign(node_power_w=None),
    ],
    ids=[
        "small",
        "late",
        "contended",
        "load",
        "target",
        "source",
        "node",
        "one window",
        "no power",
    ],
)
def test_what_cannot_be_compared_or_is_no_better_is_no_regret(other: pd.DataFrame) -> None:
    assert regrets(frame(windows(CHOSEN, 220, 20), other), CHAMPION) == ()


def test_a_choice_that_was_passed_by_or_left_for_the_better_one_is_no_regret() -> None:
    assert regrets(frame(windows(CHOSEN, 220, 5), swept(200)), CHAMPION) == ()
    moved = windows(BETTER, 200, 10, begin_s=1000)
    assert regrets(frame(windows(CHOSEN, 220, 20), moved), CHAMPION) == ()
    assert regrets(frame(windows(CHOSEN, 220, 20), swept(200)), "d" * 64) == ()


def test_what_another_job_had_meanwhile_is_not_counted_against_this_one() -> None:
    """The sweep took CPUs from the other job too: that is what made the node cheaper."""
    other_wide = windows(64, 0, 20, job="batch").assign(node_power_w=None)
    narrow = windows(8, 0, 3, job="batch", arm="sweep", begin_s=500).assign(node_power_w=None)
    mine = frame(windows(CHOSEN, 220, 20), swept(200))
    assert regrets(frame(mine, other_wide, narrow), CHAMPION) == ()
    same = windows(64, 0, 3, job="batch", begin_s=500).assign(node_power_w=None)
    assert len(regrets(frame(mine, other_wide, same), CHAMPION)) == 1


def test_noise_alone_is_no_regret() -> None:
    """Of 40 nodes with 10 allocations just as dear, none is told."""
    told = 0
    for seed in range(40):
        others = [
            windows(n, 206, 2, arm="sweep", seed=seed, begin_s=500 + 20 * n)
            for n in range(8, 28, 2)
        ]
        told += len(regrets(frame(windows(CHOSEN, 206, 20, seed=seed), *others), CHAMPION))
    assert told == 0
