"""What is right of a device measurement, one rule per reason for quarantine.

The codes are stable: quarantine and reports name them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.devices.device import Kind, Precision
from components.node.placement import Layout
from components.telemetry.device_measurement import StartState
from components.telemetry.sample import Origin, PowerSource
from data_checks.rule import Absent, OneOf, Rule, Within

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_LATENCY_MS = 600_000.0
MAX_ENERGY_J = 1e7
MAX_BATCH_SIZE = 2**24
RATE_BOUNDS = Within(0.1, 1000.0)
"""Batches in flight, by Little's law, of one sender that asks again when it is answered."""
POSITIVE = ("latency_ms", "throughput_per_s", "energy_j")
WORK = (
    "gmac_dense", "gmac_conv", "gmac_depthwise", "gmac_attention", "parameters_mb",
    "activations_mb", "input_mb", "smallest_layer_gmac",
    "weight_bits", "layers", "depth", "launches",
)  # fmt: skip
NAMES = ("recording", "node", "node_class", "fingerprint", "network", "structure", "device")
_NONE = Within(0, 0)
_WORDS = {
    "origin": Origin,
    "state": StartState,
    "layout": Layout,
    "device_kind": Kind,
    "precision": Precision,
    "energy_source": PowerSource,
}


def device_rules() -> tuple[Rule, ...]:
    """Every rule, in the order in which reasons are given."""
    return (*_form(), *_ranges(), *_plausible())


def _form() -> Iterable[Rule]:
    yield Rule(
        "undecodable",
        "an event carries the fields of a measurement, of their types and finite",
        ("decode_error",),
        Absent(),
    )
    yield Rule(
        "name_missing",
        "recording, node, its class and fingerprint, network, structure and device are named",
        ("n_names_missing",),
        _NONE,
        NAMES,
    )
    yield Rule(
        "not_finite",
        "every number given is finite; what was not observed is left out",
        ("n_not_finite",),
        _NONE,
        ("not_finite_fields",),
    )
    for column, kind in _WORDS.items():
        words = OneOf(tuple(member.value for member in kind))
        yield Rule(f"{column}_unknown", f"{column} is {words}", (column,), words)
    yield Rule(
        "duplicate_key",
        "recording, node, network, batch, state and device occur once; the first is kept",
        ("n_rows_before_of_key",),
        _NONE,
        ("recording", "network", "batch_size", "state", "device"),
    )


def _ranges() -> Iterable[Rule]:
    yield Rule(
        "latency_range",
        f"a latency is above 0 and at most {MAX_LATENCY_MS:g} ms; 0 is a clock that stood",
        ("latency_ms",),
        Within(0, MAX_LATENCY_MS, above_low=True),
    )
    yield Rule(
        "throughput_range",
        "a rate is above 0; what was not measured is left out",
        ("throughput_per_s",),
        Within(0, above_low=True),
    )
    yield Rule(
        "energy_range",
        f"a batch takes above 0 and at most {MAX_ENERGY_J:g} J; 0 is a meter that cannot read",
        ("energy_j",),
        Within(0, MAX_ENERGY_J, above_low=True),
    )
    yield Rule(
        "batch_size_range",
        f"a batch has 1 to {MAX_BATCH_SIZE} inputs",
        ("batch_size",),
        Within(1, MAX_BATCH_SIZE),
    )
    yield Rule("work_negative", "figures of a network are 0 or more", WORK, Within(0))
    yield Rule("idle_negative", "a rest is 0 s or longer", ("idle_s",), Within(0))
    yield Rule("count_range", "CPUs, rounds and runs are 1 or more", _COUNTS, Within(1))
    yield Rule(
        "clock_share_range",
        "a clock is a share of its maximum above 0; it is no percentage",
        ("clock_share",),
        Within(0, 1, above_low=True),
    )
    yield Rule("load_negative", "a load is 0 or more", ("load", "wait_share"), Within(0))


_COUNTS = ("n_cpus", "n_rounds", "n_runs")


def _plausible() -> Iterable[Rule]:
    yield Rule(
        "part_exceeds_latency",
        "transfer and wake-up are parts of the latency, 0 or more",
        ("part_least_ms", "part_missing_ms"),
        Within(0),
        ("transfer_ms", "wake_ms", "latency_ms"),
    )
    yield Rule(
        "wake_without_rest",
        "a device wakes up only after a rest",
        ("n_wakes_unfounded",),
        _NONE,
        ("wake_ms", "state", "idle_s"),
    )
    yield Rule(
        "energy_source_missing",
        "joules say how they came to be",
        ("n_energies_unnamed",),
        _NONE,
        ("energy_j", "energy_source"),
    )
    yield Rule(
        "rate_implausible",
        f"latency times rate over batch is what is in flight: {RATE_BOUNDS}",
        ("n_in_flight",),
        RATE_BOUNDS,
        ("latency_ms", "throughput_per_s", "batch_size"),
    )
    yield Rule(
        "series_constant",
        "figures move when a batch grows eight-fold; a clock or meter that does not is stuck",
        ("n_points_constant",),
        _NONE,
        ("constant_fields", "n_points_constant"),
    )
