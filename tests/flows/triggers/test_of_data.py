"""What the lake shows asks for a retraining, each cause under a key of its own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from components.lake.lake import Lake
from components.lake.schema import SCHEMAS, Table
from flows.triggers.of_data import ENOUGH_ROWS, causes_of_data

if TYPE_CHECKING:
    from pathlib import Path

CHAMPION = "c" * 64
START = datetime(2026, 5, 4, 3, tzinfo=UTC)


def rows(n: int, n_cpus: int, power_w: float, *, arm: str = "policy") -> list[dict[str, Any]]:
    """Checked windows of one job with one allocation; power goes up and down by 1 %."""
    return [
        {
            "row_id": f"{arm} {n_cpus} {i}", "node": "n1", "fingerprint": "f", "job": "web",
            "model": "m", "variant": "", "device": "cpu", "layout": "compact", "n_cpus": n_cpus,
            "target_ms": 7.0, "target_statistic": "mean", "contended": False, "arm": arm,
            "power_source": "measured", "policy_digest": CHAMPION, "served_rate_per_s": 100.0,
            "latency_mean_ms": 6.0, "node_power_w": power_w * (1 + 0.01 * (-1) ** i),
            "window_start": START + timedelta(seconds=10 * i + n_cpus * 1000),
        }
        for i in range(n)
    ]  # fmt: skip


@pytest.fixture
def home(tmp_path: Path) -> Path:
    keep(tmp_path, rows(20, 32, 220.0))
    return tmp_path


def keep(home: Path, made: list[dict[str, Any]]) -> int:
    table = pa.Table.from_pylist(made, schema=SCHEMAS[Table.SAMPLES])
    return Lake(home / "lake").append(Table.SAMPLES, table)


def test_an_empty_lake_and_one_that_was_learned_from_are_no_cause(tmp_path: Path) -> None:
    assert causes_of_data(tmp_path, None, CHAMPION) == ()
    version = keep(tmp_path, rows(ENOUGH_ROWS, 32, 220.0))
    assert causes_of_data(tmp_path, version, CHAMPION) == ()


def test_enough_new_rows_are_one_cause_however_many_come(tmp_path: Path) -> None:
    keep(tmp_path, rows(ENOUGH_ROWS, 32, 220.0))
    [cause] = causes_of_data(tmp_path, None, CHAMPION)
    keep(tmp_path, rows(10, 16, 220.0))
    [later] = causes_of_data(tmp_path, None, CHAMPION)
    assert (cause.text, later.text) == ("2000 new checked samples", "2010 new checked samples")
    assert cause.key == later.key


def test_regret_of_the_champion_is_a_cause_until_it_learned_from_it(home: Path) -> None:
    version = keep(home, rows(4, 16, 200.0, arm="sweep"))
    [cause] = causes_of_data(home, None, CHAMPION)
    assert cause.key == f"regret {CHAMPION[:12]} n1 web 32 CPUs compact 16 CPUs compact"
    assert "takes 10.0% more power than 16 CPUs compact" in cause.text
    assert causes_of_data(home, None, None) == ()
    keep(home, rows(1, 24, 300.0, arm="sweep"))
    assert causes_of_data(home, version, CHAMPION) == ()
