"""Small device tables, written the way outsiders write them."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest


@pytest.fixture
def write_table(tmp_path: Path) -> Any:
    """Write rows (dictionaries) and a sidecar; gives the path of the table."""

    def write(rows: list[dict[str, object]], **sidecar: object) -> Path:
        path = tmp_path / "simulated-table.csv"
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        path.with_suffix(".json").write_text(json.dumps(sidecar))
        return path

    return write


@pytest.fixture
def random_rows() -> Any:
    """Rows of a random table, with the facts of its sidecar."""

    def rows(
        seed: int, *, n_rows: int, n_devices: int, n_features: int, missing: float
    ) -> tuple[list[dict[str, object]], dict[str, object]]:
        rng = np.random.default_rng(seed)
        devices = [f"d{i}" for i in range(n_devices)]
        features = [f"x{i}" for i in range(n_features)]
        found: list[dict[str, object]] = []
        for row in range(n_rows):
            group = row // 3
            values = np.exp(rng.normal(size=n_features))
            values[0] = 7.0  # one is constant
            cells: dict[str, object] = {
                "row": f"r{row}", "network": f"n{row // 2}", "group": f"g{group}",
                "fold": group % 5,
            }  # fmt: skip
            cells |= {name: f"{value:.6g}" for name, value in zip(features, values, strict=True)}
            for i, device in enumerate(devices):
                cost = 1 + i + values[-1] * (n_devices - i)
                for column in ("latency_ms", "throughput_per_s"):
                    value = cost if column == "latency_ms" else 100.0 / (i + 1) * values[-1]
                    is_empty = rng.random() < missing
                    cells[f"{column}__{device}"] = "" if is_empty else f"{value:.6g}"
            found.append(cells)
        facts = {
            "devices": dict.fromkeys(devices, "cpu"),
            "objectives": ["latency", "throughput"],
            "features": features,
        }
        return found, facts

    return rows
