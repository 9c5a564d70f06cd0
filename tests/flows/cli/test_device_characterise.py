import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from components.lake.lake import Lake
from components.lake.schema import Table
from flows.cli.main import main
from models.device_classifier.table_file import read_table

NETWORKS = ("mlp-16-32x1", "mlp-16-64x2", "conv-28-8-16")
QUICK = ("--rounds", "2", "--burst-s", "0.001", "--batches", "1", "16", "--keep-contended")


def characterise(folder: Path, *arguments: str) -> int:
    where = ("--out", str(folder), "--home", str(folder / "home"), "--name", "small")
    return main(["device", "characterise", *NETWORKS, *where, *QUICK, *arguments])


def test_a_recording_is_a_table_and_rows_of_the_lake(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    devices = ("--devices", "ort-1t", "ort-1t-int8", "igpu:7")
    assert characterise(tmp_path, *devices, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["n_measurements"] == 12
    assert "igpu:7" in told["absent"]
    assert told["check"]["n_passed"] == 12
    table = read_table(tmp_path / "small.csv")
    assert table.devices == ("ort-1t", "ort-1t-int8")
    assert len(table.rows) == 6
    assert table.objectives == ("latency", "energy", "throughput")
    assert table.facts["source"] == "recorded"
    assert table.facts["energy_source"] == {"ort-1t": "modelled", "ort-1t-int8": "modelled"}
    kept = Lake(tmp_path / "home" / "lake").read(Table.DEVICE_MEASUREMENTS).to_pylist()
    assert {row["network"] for row in kept} == set(NETWORKS)
    assert all(row["latency_ms"] > 0 and row["energy_j"] > 0 for row in kept)


def test_a_finished_recording_is_not_measured_again_and_not_changed_by_other_settings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert characterise(tmp_path, "--devices", "ort-1t", "--no-lake") == 0
    first = (tmp_path / "small.csv").read_bytes()
    assert characterise(tmp_path, "--devices", "ort-1t", "--no-lake") == 0
    assert (tmp_path / "small.csv").read_bytes() == first
    assert "fastest at" in capsys.readouterr().out
    assert characterise(tmp_path, "--devices", "ort-1t", "--no-lake", "--rounds", "3") == 1
    assert "another rounds" in capsys.readouterr().err
    assert not (tmp_path / "home" / "spool").exists()


def test_ctrl_c_keeps_what_is_measured_and_the_same_command_goes_on(tmp_path: Path) -> None:
    journal = tmp_path / "small.journal.jsonl"
    where = ["--out", str(tmp_path), "--home", str(tmp_path / "home"), "--name", "small"]
    slow = ["--rounds", "10", "--burst-s", "0.05", "--keep-contended", "--no-lake"]
    words = [*NETWORKS, *where, *slow, "--batches", "1", "16", "--devices", "ort-1t"]
    command = [sys.executable, "-m", "flows.cli.main", "device", "characterise", *words]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running:
        deadline_s = time.monotonic() + 60
        while not journal.is_file() or len(journal.read_text().splitlines()) < 3:
            assert running.poll() is None
            assert time.monotonic() < deadline_s
            time.sleep(0.01)
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "the same command goes on" in said
    assert not (tmp_path / "small.csv").exists()
    kept = journal.read_text().splitlines()
    assert 3 <= len(kept) < 7
    subprocess.run(command, check=True, capture_output=True)
    assert journal.read_text().splitlines()[: len(kept)] == kept
    assert len(read_table(tmp_path / "small.csv").rows) == 6


def test_when_time_is_over_there_is_a_table_of_what_was_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--devices", "ort-1t", "--no-lake", "--json")
    assert characterise(tmp_path, *words, "--for-s", "0") == 1  # nothing yet is no table
    assert "none of 0 measurements counts" in capsys.readouterr().err
    assert characterise(tmp_path, *words) == 0
    assert json.loads(capsys.readouterr().out)["n_open"] == 0
    journal = tmp_path / "small.journal.jsonl"
    journal.write_text("\n".join(journal.read_text().splitlines()[:4]) + "\n")
    assert characterise(tmp_path, *words, "--for-s", "0") == 0
    assert json.loads(capsys.readouterr().out)["n_open"] == 3
    assert len(read_table(tmp_path / "small.csv").rows) == 3


def test_unknown_devices_and_networks_are_refused_before_anything_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert characterise(tmp_path, "--devices", "tpu:0") == 1
    assert "it is none of ours" in capsys.readouterr().err
    assert main(["device", "characterise", "no-such-net", "--out", str(tmp_path)]) == 1
    assert "of the zoo" in capsys.readouterr().err
    assert not (tmp_path / "small.journal.jsonl").exists()
    assert characterise(tmp_path, "--devices", "igpu:7") == 1
    assert "none is there" in capsys.readouterr().err
