"""What the savings report says, and what it leaves out."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from models.savings.blocks import node_blocks
from models.savings.errors import SavingsError
from models.savings.report import NOT_ENOUGH, savings_report
from models.savings.violations import Misses

START = datetime(2024, 5, 1, tzinfo=UTC)
WINDOW_S = 60.0
PER_BLOCK = 5


def samples(
    *, n_blocks: int = 200, every: int = 10, saved_w: float = 80.0, jobs: tuple[str, ...] = ("a",)
) -> pd.DataFrame:
    """One node: each `every`-th block of five windows in holdback."""
    rng = np.random.default_rng(0)
    rows = []
    for window in range(n_blocks * PER_BLOCK):
        held_back = (window // PER_BLOCK) % every == 0
        watts = 300.0 - (0.0 if held_back else saved_w) + rng.normal(0, 2)
        rows += [
            {
                "node": "n1",
                "job": job,
                "window_start": pd.Timestamp(START + timedelta(seconds=window * WINDOW_S)),
                "window_s": WINDOW_S,
                "arm": "holdback" if held_back else "policy",
                "node_power_w": watts,
                "power_source": "modelled",
                "job_power_w": watts / 3,
                "images": 600,
                "target_ms": 7.0,
                "target_statistic": "mean",
                "latency_mean_ms": 3.0 if held_back else 6.5,
                "contended": False,
                "origin": "recorded",
            }
            for job in jobs
        ]
    return pd.DataFrame(rows)


def test_what_made_up_nodes_save_is_simulated_and_never_added_to_real_ones() -> None:
    real, made_up = samples(), samples(saved_w=200.0).assign(node="n2", origin="simulated")
    alone = savings_report(made_up)
    assert alone.sentence.endswith("power simulated as modelled")
    both = savings_report(pd.concat([real, made_up], ignore_index=True))
    assert both.saved_w == savings_report(real).saved_w
    assert both.without == savings_report(real).without
    assert (both.is_simulated, both.n_simulated) == (False, len(made_up))


def test_watts_and_joules_per_image_come_with_an_interval_and_their_source() -> None:
    report = savings_report(samples())
    assert report.saved_w is not None
    watts, low, high = report.saved_w
    assert low < 80.0 < high
    assert watts == pytest.approx(80.0, abs=1.0)
    [node] = report.nodes
    assert node.j_per_image == pytest.approx((22.0, 30.0), abs=0.1)
    assert report.sentence.startswith("saved 8")
    assert report.sentence.endswith("power modelled")


def test_a_node_with_two_jobs_is_counted_once_and_serves_the_images_of_both() -> None:
    one, two = savings_report(samples()), savings_report(samples(jobs=("a", "b")))
    assert one.saved_w == pytest.approx(two.saved_w)
    assert two.nodes[0].j_per_image == pytest.approx((11.0, 15.0), abs=0.05)


def test_without_a_saving_none_is_claimed() -> None:
    assert "not beyond noise" in savings_report(samples(saved_w=0.0)).sentence


def test_a_policy_that_costs_is_said_to_cost() -> None:
    assert savings_report(samples(saved_w=-40.0)).sentence.startswith("cost 39.9 W of 300.0 W")


def test_too_few_blocks_in_holdback_are_not_enough_data_yet() -> None:
    report = savings_report(samples(n_blocks=60, every=10))
    assert report.saved_w is None
    assert report.sentence.startswith(f"{NOT_ENOUGH}: at most 6 blocks")
    assert savings_report(samples().iloc[:0]).sentence.startswith(NOT_ENOUGH)


def test_a_missing_reading_is_left_out_and_counted_never_a_number() -> None:
    frame = samples()
    frame.loc[frame.index % 7 == 0, "node_power_w"] = None
    report = savings_report(frame)
    assert report.n_incomplete == sum(frame.index % 7 == 0)
    assert report.saved_w is not None
    assert report.saved_w[0] == pytest.approx(80.0, abs=1.0)


def test_windows_in_two_arms_at_once_compare_nothing() -> None:
    frame = samples(jobs=("a", "b"))
    frame.loc[(frame["job"] == "b") & (frame["arm"] == "policy"), "arm"] = "operator"
    blocks = node_blocks(frame)
    assert blocks.n_mixed == 180 * PER_BLOCK
    assert not any(block.is_treated for block in blocks.blocks)


def test_probes_count_as_the_policys_own_cost() -> None:
    frame = samples()
    frame.loc[frame["arm"] == "policy", "arm"] = "probe"
    assert savings_report(frame).saved_w == savings_report(samples()).saved_w


def test_misses_are_counted_with_and_without() -> None:
    frame = samples()
    policy = frame.index[frame["arm"] == "policy"]
    frame.loc[policy[:9], "latency_mean_ms"] = 7.5
    frame.loc[policy[9:12], "latency_mean_ms"] = None
    report = savings_report(frame)
    assert (report.with_policy, report.without) == (Misses(9, 897), Misses(0, 100))
    interval = report.without.interval()
    assert interval is not None
    assert interval[1] == pytest.approx(0.037, abs=0.001)


def test_the_statistic_of_the_target_is_the_one_that_is_judged() -> None:
    frame = samples().assign(target_statistic="p95", latency_p95_ms=8.0)
    assert savings_report(frame).without == Misses(100, 100)


def test_a_year_of_it_is_told_in_money() -> None:
    year = savings_report(samples()).per_year(0.5)
    assert year is not None
    assert year[0] == pytest.approx(80.0 * 8.766 * 0.5, rel=0.02)


def test_samples_without_a_needed_column_are_refused() -> None:
    with pytest.raises(SavingsError, match="no node_power_w"):
        savings_report(samples().drop(columns="node_power_w"))
