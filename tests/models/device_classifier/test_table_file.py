"""Tables that are read, and tables that are refused with the row named."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.madeup.devices.roofline_host import RooflineHost
from components.madeup.devices.table import write_device_table
from models import device_classifier
from models.device_classifier.errors import DeviceTableError
from models.device_classifier.table_file import read_table

SHIPPED = Path(device_classifier.__file__).parent / "tables"
FACTS = {
    "devices": {"a": "cpu", "b": "dgpu"},
    "objectives": ["latency", "throughput"],
    "features": ["x"],
    "lab": "third floor",
}


def rows() -> list[dict[str, object]]:
    return [
        {
            "row": f"r{i}", "network": f"n{i}", "group": f"g{i}", "fold": i % 5, "x": i + 0.5,
            "latency_ms__a": 1.0, "latency_ms__b": 2.0,
            "throughput_per_s__a": 10.0, "throughput_per_s__b": 20.0,
        }
        for i in range(10)
    ]  # fmt: skip


def test_a_table_is_read_as_written_and_unknown_facts_are_kept(write_table: Any) -> None:
    written = rows()
    written[3]["latency_ms__b"] = ""
    table = read_table(write_table(written, **FACTS))
    assert table.objectives == ("latency", "throughput")
    assert table.facts == {"lab": "third floor"}
    assert np.isnan(table.measured["latency"]).tolist() == [[False, i == 3] for i in range(10)]
    assert table.folds.tolist() == [0, 1, 2, 3, 4] * 2


def test_more_throughput_costs_less(write_table: Any) -> None:
    table = read_table(write_table(rows(), **FACTS))
    assert table.costs("throughput")[0].tolist() == [0.1, 0.05]
    assert table.costs("latency")[0].tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("x", "nan"),
        ("x", "inf"),
        ("latency_ms__a", "-inf"),
        ("latency_ms__b", "NaN"),
        ("latency_ms__a", "fast"),
        ("throughput_per_s__a", "0"),
        ("latency_ms__a", "-1"),
        ("fold", "5"),
        ("fold", "1.5"),
        ("fold", ""),
        ("row", "r6"),
    ],
)
def test_a_damaged_cell_is_refused_and_its_row_named(
    write_table: Any, column: str, cell: str
) -> None:
    damaged = rows()
    damaged[7][column] = cell
    with pytest.raises(DeviceTableError, match=r"row 'r7'" if column != "row" else r"row 'r6'"):
        read_table(write_table(damaged, **FACTS))


def test_a_table_that_is_cut_off_is_refused(write_table: Any) -> None:
    path = write_table(rows(), **FACTS)
    path.write_text(path.read_text()[:-8])
    with pytest.raises(DeviceTableError, match=r"row 'r9'.*cells"):
        read_table(path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"objectives": ["speed"]}, "objectives"),
        ({"objectives": ["energy"]}, "energy_j__"),
        ({"devices": {}}, "devices"),
        ({"features": ["x", "y"]}, "'y'"),
    ],
)
def test_a_sidecar_that_does_not_fit_is_refused(
    write_table: Any, change: dict[str, object], said: str
) -> None:
    with pytest.raises(DeviceTableError, match=said):
        read_table(write_table(rows(), **(FACTS | change)))


def test_a_missing_sidecar_is_said(write_table: Any) -> None:
    path = write_table(rows(), **FACTS)
    path.with_suffix(".json").unlink()
    with pytest.raises(DeviceTableError, match="sidecar is not there"):
        read_table(path)


def test_the_table_that_ships_is_what_the_made_up_host_writes(tmp_path: Path) -> None:
    written = write_device_table(RooflineHost(0), tmp_path, seed=0, n_rows=200)
    shipped = SHIPPED / written.name
    assert shipped.read_bytes() == written.read_bytes()
    assert read_table(shipped).facts["source"] == "simulated"
