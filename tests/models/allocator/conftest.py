from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from components.jobs.candidate import Candidate
from components.madeup import reference_node
from components.madeup.reference_node import reference_surface

START = datetime(2026, 1, 1, tzinfo=UTC)
BIG = "made-up-2s64c128t-00"
TINY = "some-1s2c2t-00"


def row(index, node_class, model, n_cpus, latency_ms, power_w, **changes):
    return {
        "row_id": f"{index:08x}",
        "node": "here",
        "node_class": node_class,
        "image": "server",
        "model": model,
        "device": "cpu",
        "batch_size": 1,
        "target_statistic": "mean",
        "target_ms": 7.0,
        "offered_rate_per_s": None,
        "window_start": START + timedelta(seconds=10 * index),
        "n_cpus": n_cpus,
        "layout": "compact",
        "latency_mean_ms": latency_ms,
        "latency_p95_ms": None,
        "latency_p99_ms": None,
        "node_power_w": power_w,
        "weight": 1.0,
    } | changes


@pytest.fixture
def make_row():
    return row


@pytest.fixture(scope="session")
def simulate():
    """Rows of a sweep of the paper's node, 1 to 100 CPUs, as a table anyone could have."""

    def rows(*, seed=0, noise=0.003, repeats=5):
        rng = np.random.default_rng(seed)
        counts = np.repeat(np.arange(1, 101), repeats)
        errors = noise * rng.standard_normal((2, counts.size))
        return pd.DataFrame(
            {
                "n_cpus": counts,
                "latency_ms": reference_node.latency_ms(counts) * np.exp(errors[0]),
                "power_w": reference_node.power_w(counts) * np.exp(0.5 * errors[1]),
            }
        )

    return rows


@pytest.fixture(scope="session")
def sweep():
    """What a demo records: a reference node swept, and two jobs on a node of two CPUs."""
    rng = np.random.default_rng(5)
    surface = reference_surface()
    counts = [*range(1, 60, 2), 60, 61, 62, 64, 72, 80, 96, 112, 128]
    rows = []
    for _ in range(2):
        for n_cpus in counts:
            candidate = [Candidate(n_cpus)]
            latency_ms = float(surface.latency_ms(candidate)[0] * np.exp(0.003 * rng.normal()))
            power_w = float(surface.power_w(candidate)[0])
            rows.append(row(len(rows), BIG, "resnet", n_cpus, latency_ms, power_w))
        for first in (1, 2):
            for second in (1, 2):
                for model, n_cpus in (("mlp", first), ("mobilenet", second)):
                    latency_ms = float(8.0 / n_cpus * np.exp(0.05 * rng.normal()))
                    rows.append(
                        row(len(rows), TINY, model, n_cpus, latency_ms, 8.0 + first + second)
                    )
    return pd.DataFrame(rows)
