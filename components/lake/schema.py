"""What the columns of the lake's tables are.

raw          one row per sample that arrived; those that could not be read have `decode_error`
samples      rows of raw that passed the checks, with the weight they have in learning
quarantine   rows of raw that did not, with the reasons
checks       one row per completed check

device_raw, device_measurements and device_quarantine are the same for measurements of devices.
"""

from __future__ import annotations

from enum import StrEnum

import pyarrow as pa


class Table(StrEnum):
    """The tables of a lake."""

    RAW = "raw"
    SAMPLES = "samples"
    QUARANTINE = "quarantine"
    CHECKS = "checks"
    DEVICE_RAW = "device_raw"
    DEVICE_MEASUREMENTS = "device_measurements"
    DEVICE_QUARANTINE = "device_quarantine"


TIME = pa.timestamp("us", tz="UTC")
_NUMBERS = pa.list_(pa.float64())
_TEXTS = pa.list_(pa.string())

SAMPLE = pa.schema(
    [
        ("node", pa.string()),
        ("node_class", pa.string()),
        ("fingerprint", pa.string()),
        ("origin", pa.string()),
        ("job", pa.string()),
        ("container_id", pa.string()),
        ("image", pa.string()),
        ("model", pa.string()),
        ("variant", pa.string()),
        ("device", pa.string()),
        ("batch_size", pa.int64()),
        ("window_start", TIME),
        ("window_s", pa.float64()),
        ("cpuset", pa.string()),
        ("n_cpus", pa.int64()),
        ("layout", pa.string()),
        ("frequency_mhz", pa.float64()),
        ("offered_rate_per_s", pa.float64()),
        ("served_rate_per_s", pa.float64()),
        ("images", pa.int64()),
        ("latency_mean_ms", pa.float64()),
        ("latency_p50_ms", pa.float64()),
        ("latency_p95_ms", pa.float64()),
        ("latency_p99_ms", pa.float64()),
        ("cpu_utilization", _NUMBERS),
        ("node_power_w", pa.float64()),
        ("job_power_w", pa.float64()),
        ("core_power_w", _NUMBERS),
        ("power_source", pa.string()),
        ("gpu_utilization", pa.float64()),
        ("gpu_power_w", pa.float64()),
        ("gpu_state", pa.string()),
        ("contended", pa.bool_()),
        ("target_ms", pa.float64()),
        ("target_statistic", pa.string()),
        ("arm", pa.string()),
        ("mode", pa.string()),
        ("policy_digest", pa.string()),
        ("decision_id", pa.string()),
        ("propensity", pa.float64()),
    ]
)
"""The fields of a sample, in its order; null is "not observed"."""

DEVICE = pa.schema(
    [
        ("recording", pa.string()),
        ("node", pa.string()),
        ("node_class", pa.string()),
        ("fingerprint", pa.string()),
        ("origin", pa.string()),
        ("measured_at", TIME),
        ("network", pa.string()),
        ("structure", pa.string()),
        ("layers", pa.int64()),
        ("depth", pa.int64()),
        ("gmac_dense", pa.float64()),
        ("gmac_conv", pa.float64()),
        ("gmac_depthwise", pa.float64()),
        ("gmac_attention", pa.float64()),
        ("parameters_mb", pa.float64()),
        ("activations_mb", pa.float64()),
        ("input_mb", pa.float64()),
        ("launches", pa.int64()),
        ("smallest_layer_gmac", pa.float64()),
        ("weight_bits", pa.float64()),
        ("batch_size", pa.int64()),
        ("state", pa.string()),
        ("idle_s", pa.float64()),
        ("n_cpus", pa.int64()),
        ("layout", pa.string()),
        ("device", pa.string()),
        ("device_kind", pa.string()),
        ("precision", pa.string()),
        ("processor", pa.string()),
        ("runtime", pa.string()),
        ("latency_ms", pa.float64()),
        ("latency_spread", pa.float64()),
        ("transfer_ms", pa.float64()),
        ("wake_ms", pa.float64()),
        ("throughput_per_s", pa.float64()),
        ("energy_j", pa.float64()),
        ("energy_source", pa.string()),
        ("clock_share", pa.float64()),
        ("load", pa.float64()),
        ("wait_share", pa.float64()),
        ("contended", pa.bool_()),
        ("n_rounds", pa.int64()),
        ("n_runs", pa.int64()),
    ]
)
"""The fields of a device measurement, in its order."""

_ARRIVAL = [
    ("row_id", pa.string()),  # SHA-256 of the key, see rows.py
    ("body_sha256", pa.string()),  # the body of the spool it came in
    ("event_time", TIME),  # handed over by the sender, by its clock
    ("ingested_at", TIME),
]
_RAW_ONLY = [
    ("content_sha256", pa.string()),  # of the event's attributes
    ("decode_error", pa.string()),  # null: it was read
    ("attributes", pa.string()),  # JSON, only where it could not be read
]
_SETTLED = [
    ("checked_at", TIME),
    ("checked_raw_version", pa.int64()),  # of raw, when the check began
]

SCHEMAS: dict[Table, pa.Schema] = {
    Table.RAW: pa.schema([*SAMPLE, *_ARRIVAL, *_RAW_ONLY]),
    Table.SAMPLES: pa.schema([*SAMPLE, *(_ARRIVAL + _SETTLED), ("weight", pa.float64())]),
    Table.QUARANTINE: pa.schema(
        [
            *SAMPLE,
            *_ARRIVAL,
            *_RAW_ONLY,
            *_SETTLED,
            ("reasons", _TEXTS),  # codes
            ("findings", _TEXTS),  # one sentence per reason: what was found
        ]
    ),
    Table.DEVICE_RAW: pa.schema([*DEVICE, *_ARRIVAL, *_RAW_ONLY]),
    Table.DEVICE_MEASUREMENTS: pa.schema([*DEVICE, *_ARRIVAL, *_SETTLED]),
    Table.DEVICE_QUARANTINE: pa.schema(
        [
            *DEVICE,
            *_ARRIVAL,
            *_RAW_ONLY,
            *_SETTLED,
            ("reasons", _TEXTS),
            ("findings", _TEXTS),
        ]
    ),
    Table.CHECKS: pa.schema(
        [
            ("checked_at", TIME),
            ("raw_version", pa.int64()),
            ("samples_version", pa.int64()),
            ("quarantine_version", pa.int64()),
            ("n_checked", pa.int64()),
            ("n_passed", pa.int64()),
            ("n_quarantined", pa.int64()),
            ("verdict", pa.bool_()),
        ]
    ),
}
