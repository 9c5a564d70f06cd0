"""Rows of `raw` as they would have come, and damaged ones."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

from components.lake.lake import Lake
from components.lake.schema import SCHEMAS, Table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

START = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


@pytest.fixture
def row() -> Callable[..., dict[str, Any]]:
    """Make the i-th window of a job on a node of 4 CPUs, with columns changed as asked.

    Use and power are drawn from `i` as seed.
    """

    def make(i: int = 0, **changes: Any) -> dict[str, Any]:
        rng = np.random.default_rng(abs(i))
        start = START + timedelta(seconds=10 * i)
        return {
            "node": "node-a",
            "node_class": "amd-4c",
            "fingerprint": "f00d",
            "origin": "recorded",
            "job": "resnet",
            "container_id": "c1",
            "image": "server@1234",
            "model": "resnet18",
            "variant": "default",
            "device": "cpu",
            "batch_size": 1,
            "window_start": start,
            "window_s": 10.0,
            "cpuset": "0-1",
            "n_cpus": 2,
            "layout": "compact",
            "frequency_mhz": 2500.0,
            "offered_rate_per_s": 50.0,
            "served_rate_per_s": 50.0,
            "images": 500,
            "latency_mean_ms": 7.0,
            "latency_p50_ms": 6.5,
            "latency_p95_ms": 9.0,
            "latency_p99_ms": 10.0,
            "cpu_utilization": rng.random(4).tolist(),
            "node_power_w": 80.0 + float(rng.random()),
            "power_source": "measured",
            "contended": False,
            "target_ms": 7.0,
            "target_statistic": "mean",
            "arm": "sweep",
            "mode": "auto",
            "propensity": 1.0,
            "event_time": start + timedelta(seconds=10.1),
            "ingested_at": START + timedelta(days=1),
            "body_sha256": hashlib.sha256(b"body").hexdigest(),
            "row_id": hashlib.sha256(repr((i, changes)).encode()).hexdigest(),
            "content_sha256": hashlib.sha256(repr((i, changes)).encode()).hexdigest(),
            **changes,
        }

    return make


@pytest.fixture
def raw() -> Callable[..., pa.Table]:
    """Lay rows out as the table `raw`."""

    def make(*rows: dict[str, Any]) -> pa.Table:
        return pa.Table.from_pylist(list(rows), schema=SCHEMAS[Table.RAW])

    return make
