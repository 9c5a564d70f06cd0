"""What is right of a sample, one rule per reason a row can be sent to quarantine for.

The codes are stable: quarantine, reports and alerts name them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.jobs.job import Mode
from components.jobs.target import Statistic
from components.node.placement import Layout
from components.telemetry.sample import Arm, Origin, PowerSource
from data_checks.rule import Absent, OneOf, Rule, Within

if TYPE_CHECKING:
    from collections.abc import Iterable

    from data_checks.limits import Limits


LATENCIES = ("latency_mean_ms", "latency_p50_ms", "latency_p95_ms", "latency_p99_ms")
_RATES = ("offered_rate_per_s", "served_rate_per_s")
_POWERS = ("node_power_w", "job_power_w", "gpu_power_w")
_NONE = Within(0, 0)


def rules(limits: Limits) -> tuple[Rule, ...]:
    """Every rule, in the order in which reasons are given."""
    return (*_form(limits), *_ranges(limits), *_fit(), *_plausible(limits))


def _form(limits: Limits) -> Iterable[Rule]:
    yield Rule(
        "undecodable",
        "an event carries the fields of a sample, of their types and finite",
        ("decode_error",),
        Absent(),
    )
    yield Rule(
        "name_missing",
        "node, node class, fingerprint and job are named",
        ("n_names_missing",),
        _NONE,
        ("node", "node_class", "fingerprint", "job"),
    )
    yield Rule(
        "not_finite",
        "every number given is finite; what was not observed is left out",
        ("n_not_finite",),
        _NONE,
        ("not_finite_fields",),
    )
    for column, words in _words().items():
        yield Rule(f"{column}_unknown", f"{column} is {words}", (column,), words)
    yield Rule(
        "event_time_missing",
        "an event says when it happened by the sender's clock",
        ("n_event_times_missing",),
        _NONE,
        ("event_time",),
    )
    yield Rule(
        "window_in_future",
        f"a window ends before the event's own time (slack {limits.clock_slack_s:g} s)",
        ("event_lag_s",),
        Within(low=-limits.clock_slack_s),
        ("window_start", "window_s", "event_time"),
    )
    yield Rule(
        "window_stale",
        f"a window ends at most {limits.max_age_s:g} s before the event's own time",
        ("event_lag_s",),
        Within(high=limits.max_age_s),
        ("window_start", "window_s", "event_time"),
    )
    yield Rule(
        "duplicate_key",
        "node, job and window start occur once; the first to arrive is kept",
        ("n_rows_before_of_key",),
        _NONE,
        ("node", "job", "window_start"),
    )


def _words() -> dict[str, OneOf]:
    kinds = {
        "origin": Origin,
        "layout": Layout,
        "power_source": PowerSource,
        "target_statistic": Statistic,
        "arm": Arm,
        "mode": Mode,
    }
    return {name: OneOf(tuple(member.value for member in kind)) for name, kind in kinds.items()}


def _ranges(limits: Limits) -> Iterable[Rule]:
    positive = Within(0, above_low=True)
    share = Within(0, 1)
    yield Rule("target_not_positive", "a latency target is above 0 ms", ("target_ms",), positive)
    yield Rule(
        "window_length",
        f"a window lasts above 0 and at most {limits.max_window_s:g} s",
        ("window_s",),
        Within(0, limits.max_window_s, above_low=True),
    )
    yield Rule(
        "batch_size_range",
        f"a batch has 1 to {limits.max_batch_size} images",
        ("batch_size",),
        Within(1, limits.max_batch_size),
    )
    yield Rule(
        "latency_range",
        f"latencies per image are above 0 and at most {limits.max_latency_ms:g} ms",
        LATENCIES,
        Within(0, limits.max_latency_ms, above_low=True),
    )
    yield Rule(
        "quantiles_unordered",
        "p50 ≤ p95 ≤ p99",
        ("quantile_drop_ms",),
        Within(high=0),
        LATENCIES[1:],
    )
    yield Rule(
        "rate_range",
        f"rates are 0 to {limits.max_rate_per_s:g} requests per second",
        _RATES,
        Within(0, limits.max_rate_per_s),
    )
    yield Rule("images_negative", "images are counted from 0", ("images",), Within(0))
    yield Rule(
        "frequency_range",
        f"a clock runs above 0 and at most {limits.max_frequency_mhz:g} MHz",
        ("frequency_mhz",),
        Within(0, limits.max_frequency_mhz, above_low=True),
    )
    yield Rule(
        "utilization_range",
        "the use of each logical CPU lies in [0, 1]; it is no percentage",
        ("utilization_lowest", "utilization_highest"),
        share,
        ("cpu_utilization",),
    )
    yield Rule(
        "gpu_utilization_range",
        "the use of a GPU lies in [0, 1]; it is no percentage",
        ("gpu_utilization",),
        share,
    )
    yield Rule(
        "power_range",
        f"power is 0 to {limits.max_power_w:g} W",
        (*_POWERS, "core_power_lowest_w", "core_power_highest_w"),
        Within(0, limits.max_power_w),
    )
    yield Rule(
        "propensity_range",
        "a propensity is a probability above 0 and at most 1",
        ("propensity",),
        Within(0, 1, above_low=True),
    )


def _fit() -> Iterable[Rule]:
    yield Rule(
        "cpu_count",
        "there is one use per logical CPU of the node, no more and no fewer",
        ("cpu_count_off",),
        _NONE,
        ("n_utilizations", "n_logical"),
    )
    yield Rule(
        "cpuset_unreadable",
        "a cpuset is a Linux CPU list with at least one CPU, like 0-3,8",
        ("cpuset_size",),
        Within(1),
        ("cpuset",),
    )
    yield Rule(
        "cpuset_size",
        "n_cpus is the number of CPUs of the cpuset",
        ("cpuset_off",),
        _NONE,
        ("cpuset", "n_cpus"),
    )
    yield Rule(
        "cpuset_beyond_node",
        "a cpuset has at most as many CPUs as the node",
        ("n_cpus_beyond_node",),
        Within(high=0),
        ("cpuset", "n_cpus", "n_logical"),
    )


def _plausible(limits: Limits) -> Iterable[Rule]:
    tolerance = f"(tolerance {limits.rate_tolerance:.0%})"
    yield Rule(
        "latency_rate_implausible",
        f"latency times served rate is what is in flight, at most {limits.max_in_flight:g} at once",
        ("n_in_flight",),
        Within(high=limits.max_in_flight),
        ("latency_mean_ms", "served_rate_per_s", "images", "window_s"),
    )
    yield Rule(
        "served_exceeds_offered",
        f"no more is served than was offered or in flight {tolerance}",
        ("n_served_unasked",),
        Within(high=0),
        (*_RATES, "window_s"),
    )
    yield Rule(
        "images_mismatch",
        f"images are served rate times window times 1 to batch size {tolerance}",
        ("n_images_lacking", "n_images_too_many"),
        Within(high=0),
        ("images", "served_rate_per_s", "window_s", "batch_size"),
    )
    yield Rule(
        "latency_without_images",
        "where nothing was served no latency was seen",
        ("n_latencies_unfounded",),
        _NONE,
        ("images", *LATENCIES),
    )
    yield Rule(
        "power_source_missing",
        "a power figure says how it came to be",
        ("n_powers_unnamed",),
        _NONE,
        ("node_power_w", "job_power_w", "power_source"),
    )
    yield Rule(
        "power_zero",
        "a machine that runs draws power; 0 is a meter that cannot read",
        ("n_powers_zero",),
        _NONE,
        ("node_power_w", "gpu_power_w", "core_power_w"),
    )
    yield Rule(
        "power_frozen",
        "power moves when the load does; a meter that does not is stuck",
        ("n_windows_frozen",),
        _NONE,
        ("node_power_w", "power_source", "n_windows_frozen"),
    )
