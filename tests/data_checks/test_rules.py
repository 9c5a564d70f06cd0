"""Every rule catches what it is for, and nothing else."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from data_checks.judgement import bad_rows, found
from data_checks.limits import Limits
from data_checks.measures import HISTORY_COLUMNS, measure
from data_checks.rules import rules

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pyarrow as pa

    MakeRow = Callable[..., dict[str, Any]]
    MakeRaw = Callable[..., pa.Table]

LIMITS = Limits()
RULES = rules(LIMITS)
NAN, INF = math.nan, math.inf
USES = [0.1, 0.2, 0.3, 0.4]

DAMAGE: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("undecodable", {"decode_error": "it is absent"}, "it is absent"),
    ("name_missing", {"node_class": " "}, "node_class"),
    ("name_missing", {"job": None}, "node node-a"),
    ("not_finite", {"latency_mean_ms": NAN}, "latency_mean_ms"),
    ("not_finite", {"cpu_utilization": [0.1, NAN, 0.3, 0.4]}, "cpu_utilization"),
    ("origin_unknown", {"origin": "imagined"}, "imagined"),
    ("layout_unknown", {"layout": "zigzag"}, "zigzag"),
    ("power_source_unknown", {"power_source": "felt"}, "felt"),
    ("target_statistic_unknown", {"target_statistic": "p42"}, "p42"),
    ("arm_unknown", {"arm": "leg"}, "leg"),
    ("mode_unknown", {"mode": "maybe"}, "maybe"),
    ("event_time_missing", {"event_time": None}, "absent"),
    ("target_not_positive", {"target_ms": 0.0}, "target_ms 0"),
    ("target_not_positive", {"target_ms": -7.0}, "target_ms -7"),
    ("batch_size_range", {"batch_size": 0, "images": None}, "batch_size 0"),
    ("latency_range", {"latency_mean_ms": 0.0}, "latency_mean_ms 0"),
    ("latency_range", {"latency_p50_ms": -6.5}, "latency_p50_ms -6.5"),
    ("quantiles_unordered", {"latency_p95_ms": 11.0}, "latency_p95_ms 11"),
    ("quantiles_unordered", {"latency_p50_ms": 11.0, "latency_p95_ms": None}, "p50_ms 11"),
    ("rate_range", {"offered_rate_per_s": 1e9}, "offered_rate_per_s 1e+09"),
    ("frequency_range", {"frequency_mhz": 2.5e9}, "frequency_mhz 2.5e+09"),
    ("utilization_range", {"cpu_utilization": [10.0, 20.0, 30.0, 40.0]}, "10.0, 20.0"),
    ("utilization_range", {"cpu_utilization": [-0.1, 0.2, 0.3, 0.4]}, "-0.1"),
    ("gpu_utilization_range", {"gpu_utilization": 93.0}, "gpu_utilization 93"),
    ("power_range", {"node_power_w": -80.0}, "node_power_w -80"),
    ("power_range", {"node_power_w": 80_000_000.0}, "node_power_w 8e+07"),
    ("power_range", {"core_power_w": [1.0, -1.0]}, "core_power_lowest_w -1"),
    ("propensity_range", {"propensity": 1.5}, "propensity 1.5"),
    ("cpu_count", {"cpu_utilization": USES[:3]}, "n_utilizations 3; n_logical 4"),
    ("cpu_count", {"cpu_utilization": []}, "n_utilizations 0"),
    ("cpuset_unreadable", {"cpuset": "0-x"}, "0-x"),
    ("cpuset_unreadable", {"cpuset": ""}, "cpuset"),
    ("cpuset_size", {"n_cpus": 3}, "cpuset 0-1; n_cpus 3"),
    ("cpuset_beyond_node", {"cpuset": "0-7", "n_cpus": 8}, "n_logical 4"),
    ("latency_rate_implausible", {"latency_mean_ms": 70_000.0}, "latency_mean_ms 70000"),
    ("served_exceeds_offered", {"offered_rate_per_s": 30.0}, "offered_rate_per_s 30"),
    ("images_mismatch", {"images": 400}, "images 400"),
    ("images_mismatch", {"images": 5000}, "images 5000"),
    ("power_source_missing", {"power_source": None}, "node_power_w"),
    ("power_zero", {"node_power_w": 0.0}, "node_power_w 0"),
    ("power_zero", {"core_power_w": [0.0, 0.0]}, "core_power_w"),
)
BY_OTHER_TESTS = {
    "window_in_future", "window_stale", "window_length", "duplicate_key", "power_frozen",
    "images_negative", "latency_without_images",
}  # fmt: skip

OPTIONAL = (
    "offered_rate_per_s", "served_rate_per_s", "images", "latency_mean_ms", "latency_p50_ms",
    "latency_p95_ms", "latency_p99_ms", "cpu_utilization", "node_power_w", "power_source",
    "contended", "frequency_mhz", "propensity", "layout",
)  # fmt: skip


def reasons(
    table: pa.Table, context: pa.Table | None = None, logical_cpus: Mapping[str, int] | None = None
) -> list[set[str]]:
    """Codes per row."""
    around = table.slice(0, 0) if context is None else context
    frame = measure(table, around.select(HISTORY_COLUMNS), logical_cpus or {}, LIMITS)
    bad = bad_rows(frame, RULES)
    return [{code for code, mask in bad.items() if mask[i]} for i in range(len(table))]


@pytest.mark.parametrize(("code", "damage", "shown"), DAMAGE)
def test_damage_is_seen_for_what_it_is_and_its_neighbours_pass(
    code: str, damage: dict[str, Any], shown: str, row: MakeRow, raw: MakeRaw
) -> None:
    table = raw(row(0), row(1), row(2, **damage), row(3))
    assert reasons(table) == [set(), set(), {code}, set()]
    (rule,) = [rule for rule in RULES if rule.code == code]
    frame = measure(table, table.slice(0, 0).select(HISTORY_COLUMNS), {}, LIMITS)
    assert shown in found({**frame.iloc[2].to_dict(), **table.to_pylist()[2]}, rule)


def test_every_rule_is_shown_to_catch_something() -> None:
    assert {code for code, _, _ in DAMAGE} | BY_OTHER_TESTS == {rule.code for rule in RULES}


def test_codes_are_unique_and_every_rule_says_what_is_right() -> None:
    assert len({rule.code for rule in RULES}) == len(RULES)
    assert all(rule.right and rule.columns for rule in RULES)


@pytest.mark.parametrize("value", [NAN, INF, -INF])
@pytest.mark.parametrize("field", ["node_power_w", "target_ms", "window_s", "served_rate_per_s"])
def test_what_is_not_finite_never_passes(
    field: str, value: float, row: MakeRow, raw: MakeRaw
) -> None:
    assert "not_finite" in reasons(raw(row(0, **{field: value})))[0]


def test_what_was_not_observed_breaks_no_rule(row: MakeRow, raw: MakeRaw) -> None:
    unobserved = dict.fromkeys(OPTIONAL)
    assert reasons(raw(row(0, **unobserved), row(1, **unobserved))) == [set(), set()]


def test_an_idle_window_passes_and_a_latency_in_it_does_not(row: MakeRow, raw: MakeRaw) -> None:
    idle = {"offered_rate_per_s": 0.0, "served_rate_per_s": 0.0, "images": 0}
    silent = dict.fromkeys(
        ("latency_mean_ms", "latency_p50_ms", "latency_p95_ms", "latency_p99_ms")
    )
    table = raw(row(0, **idle, **silent), row(1, **idle), row(2, images=-1))
    assert reasons(table)[:2] == [set(), {"latency_without_images"}]
    assert "images_negative" in reasons(table)[2]


@pytest.mark.parametrize("window_s", [0.0, -10.0, 10_000.0])
def test_a_window_lasts_seconds_not_milliseconds(
    window_s: float, row: MakeRow, raw: MakeRaw
) -> None:
    assert "window_length" in reasons(raw(row(0, window_s=window_s)))[0]


@pytest.mark.parametrize(
    ("lag_s", "code"),
    [(-1.5, "window_in_future"), (-0.5, None), (0.0, None), (890.0, None), (910.0, "window_stale")],
)
def test_freshness_is_told_by_the_senders_clock(
    lag_s: float, code: str | None, row: MakeRow, raw: MakeRaw
) -> None:
    end = row(0)["window_start"] + timedelta(seconds=10)
    late = row(0, event_time=end + timedelta(seconds=lag_s))
    assert reasons(raw(late)) == [set() if code is None else {code}]


def test_a_made_up_node_lives_in_a_time_of_its_own(row: MakeRow, raw: MakeRaw) -> None:
    end = row(0)["window_start"] + timedelta(seconds=10)
    ahead = row(0, origin="simulated", event_time=end - timedelta(days=3))
    assert reasons(raw(ahead)) == [set()]


def test_rates_of_batches_are_of_requests(row: MakeRow, raw: MakeRaw) -> None:
    batched = row(0, batch_size=8, images=4000)
    part_filled = row(1, batch_size=8, images=1500)
    assert reasons(raw(batched, part_filled)) == [set(), set()]


def test_a_backlog_may_be_served_beyond_what_is_offered(row: MakeRow, raw: MakeRaw) -> None:
    draining = {"offered_rate_per_s": 50.0, "served_rate_per_s": 80.0, "images": 800}
    slow = dict.fromkeys(("latency_p50_ms", "latency_p95_ms", "latency_p99_ms"), 2500.0)
    table = raw(row(0, **draining), row(1, **draining, **slow, latency_mean_ms=2500.0))
    assert reasons(table) == [{"served_exceeds_offered"}, set()]


def test_of_rows_with_one_key_the_first_to_arrive_is_kept(row: MakeRow, raw: MakeRaw) -> None:
    table = raw(row(0), row(0, node_power_w=99.0), row(0, job="mlp"), row(1))
    assert reasons(table) == [set(), {"duplicate_key"}, set(), set()]
    settled = raw(row(0))
    assert reasons(raw(row(0, node_power_w=99.0), row(1)), settled) == [{"duplicate_key"}, set()]


def test_the_cpu_count_is_what_most_rows_of_the_node_say(row: MakeRow, raw: MakeRaw) -> None:
    settled = raw(*(row(i) for i in range(5)))
    cut = raw(row(6, cpu_utilization=USES[:2]))
    assert reasons(cut) == [set()], "alone it is taken at its word"
    assert reasons(cut, settled) == [{"cpu_count"}]
    other = raw(row(6, cpu_utilization=USES[:2], fingerprint="beef"))
    assert reasons(other, settled) == [set()], "another fingerprint is another node"


def test_the_cpu_count_a_caller_knows_stands_above_what_rows_say(
    row: MakeRow, raw: MakeRaw
) -> None:
    table = raw(row(0), row(1, node_class="intel-2c"))
    assert reasons(table, logical_cpus={"amd-4c": 8}) == [{"cpu_count"}, set()]


def test_of_two_counts_reported_equally_often_the_longer_is_right(
    row: MakeRow, raw: MakeRaw
) -> None:
    assert reasons(raw(row(0, cpu_utilization=USES[:2]), row(1))) == [{"cpu_count"}, set()]


def frozen(row: MakeRow, n: int, **changes: Any) -> list[dict[str, Any]]:
    """Windows of one power under a use that rises from 0.1 to 0.9."""
    use = [0.1 + 0.8 * i / (n - 1) for i in range(n)]
    return [
        row(i, cpu_utilization=[u] * 4, **{"node_power_w": 91.5, **changes})
        for i, u in enumerate(use)
    ]


def test_power_that_stands_still_while_the_load_moves_is_frozen(row: MakeRow, raw: MakeRaw) -> None:
    assert reasons(raw(*frozen(row, 5), row(6))) == [{"power_frozen"}] * 5 + [set()]


@pytest.mark.parametrize("source", ["measured", "attributed", "modelled"])
def test_no_source_may_stand_still(source: str, row: MakeRow, raw: MakeRaw) -> None:
    assert reasons(raw(*frozen(row, 6, power_source=source))) == [{"power_frozen"}] * 6


def test_four_equal_windows_are_no_proof(row: MakeRow, raw: MakeRaw) -> None:
    assert reasons(raw(*frozen(row, 4))) == [set()] * 4


def test_equal_power_under_equal_load_is_fine(row: MakeRow, raw: MakeRaw) -> None:
    steady = [row(i, cpu_utilization=USES, node_power_w=91.5) for i in range(8)]
    assert reasons(raw(*steady)) == [set()] * 8


def test_jobs_that_share_a_window_share_its_power(row: MakeRow, raw: MakeRaw) -> None:
    shared = [
        row(0, job=f"job-{i}", cpu_utilization=[0.1 * i] * 4, node_power_w=91.5) for i in range(8)
    ]
    assert reasons(raw(*shared)) == [set()] * 8


def test_a_stretch_that_began_in_settled_rows_is_seen(row: MakeRow, raw: MakeRaw) -> None:
    windows = frozen(row, 6)
    assert reasons(raw(*windows[4:]), raw(*windows[:4])) == [{"power_frozen"}] * 2


def test_without_cpu_use_the_served_rate_tells_that_the_load_moved(
    row: MakeRow, raw: MakeRaw
) -> None:
    def windows(rates: list[float]) -> list[dict[str, Any]]:
        return [
            row(
                i,
                cpu_utilization=None,
                node_power_w=91.5,
                served_rate_per_s=rate,
                offered_rate_per_s=rate,
                images=int(10 * rate),
            )
            for i, rate in enumerate(rates)
        ]

    assert reasons(raw(*windows([50, 60, 70, 60, 50]))) == [set()] * 5
    assert reasons(raw(*windows([50, 60, 120, 60, 50]))) == [{"power_frozen"}] * 5
