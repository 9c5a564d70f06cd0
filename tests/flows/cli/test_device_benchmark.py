"""`joulepilot device benchmark`, `stress` and `tune` as people type them."""

import subprocess
import sys
from pathlib import Path

import pytest

from components.madeup.devices.stepped_host import SteppedHost
from components.madeup.devices.table import write_device_table


def device(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "flows.cli.main", "device", *words]
    return subprocess.run(
        [*command, "--home", str(folder / "home")], capture_output=True, text=True, check=False
    )


def test_everyone_who_chooses_is_listed_and_drawn(tmp_path: Path) -> None:
    asked = ("--host", "stepped", "--rows", "25", "--curve", "25", "--seeds", "1")
    result = device(tmp_path, "benchmark", *asked, "--figures", str(tmp_path / "figures"))
    assert (result.returncode, result.stderr) == (0, "")
    for word in (
        "stepped network 25 points, simulated",
        "learning curve",
        "ours",
        "oracle",
        "energy:",
    ):
        assert word in result.stdout
    drawn = {path.name for path in (tmp_path / "figures").iterdir()}
    kinds = ("calibration", "confusion", "regret")
    assert drawn == {
        *(f"{kind}-stepped-network-25.png" for kind in kinds),
        "learning-stepped-network.png",
    }


def test_an_unknown_host_is_refused_before_anything_is_learned(tmp_path: Path) -> None:
    result = device(tmp_path, "benchmark", "--host", "quantum")
    assert result.returncode == 1
    assert "['roofline', 'stepped']" in result.stderr
    assert "Traceback" not in result.stderr


def test_an_interval_needs_two_random_tables(tmp_path: Path) -> None:
    result = device(tmp_path, "stress", "--tables", "1")
    assert result.returncode == 1
    assert "an interval needs two" in result.stderr


@pytest.mark.parametrize("words", [("--objective", "speed"), ("--slower", "0")])
def test_what_cannot_be_tuned_is_refused(tmp_path: Path, words: tuple[str, str]) -> None:
    table = write_device_table(SteppedHost(121), tmp_path, seed=121, n_rows=30)
    result = device(tmp_path, "tune", str(table), *words)
    assert result.returncode == 1
    assert "latency, energy, throughput" in result.stderr
