"""Made-up hosts behave like processors, and say that they are made up."""

import csv
import json
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from components.madeup.devices.host import DeviceHost
from components.madeup.devices.network import draw_networks
from components.madeup.devices.roofline_host import RooflineHost
from components.madeup.devices.stepped_host import SteppedHost
from components.madeup.devices.table import write_device_table
from components.madeup.errors import MadeUpError

HOSTS = (RooflineHost(0), SteppedHost(0))
NETWORKS = draw_networks(np.random.default_rng(5), 40)
both = pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.name)


@both
def test_a_bigger_batch_never_takes_less_time_or_energy(host: DeviceHost) -> None:
    for network in NETWORKS:
        small, big = (host.costs(network, batch, 0.4) for batch in (8, 512))
        for device, cost in small.items():
            assert cost.latency_ms <= big[device].latency_ms
            assert cost.energy_j <= big[device].energy_j


@both
def test_an_idle_clock_slows_the_discrete_gpu_alone(host: DeviceHost) -> None:
    for network in NETWORKS:
        idle, warm = (host.costs(network, 16, clock) for clock in (0.15, 1.0))
        assert idle["dgpu"].latency_ms > warm["dgpu"].latency_ms
        assert idle["cpu"] == warm["cpu"]
        assert idle["igpu"] == warm["igpu"]
        assert idle["dgpu"].throughput_per_s == warm["dgpu"].throughput_per_s  # sustained is warm


@both
def test_no_device_is_best_for_all(host: DeviceHost) -> None:
    costs = [host.costs(n, b, c) for n in NETWORKS for b in (1, 256, 8192) for c in (0.2, 1.0)]
    for quantity in ("latency_ms", "energy_j"):
        best = {min(each, key=lambda d: getattr(each[d], quantity)) for each in costs}
        assert len(best) >= 2


def test_waking_never_takes_longer_than_the_lowest_clock_would() -> None:
    network = NETWORKS[0]
    costs = [RooflineHost(1).costs(network, 64, clock)["dgpu"] for clock in (0.1, 0.4, 0.8, 1.0)]
    latencies = [cost.latency_ms for cost in costs]
    assert latencies == sorted(latencies, reverse=True)


def test_twins_share_a_group_and_cost_the_same() -> None:
    twins = [(a, b) for a, b in pairwise(NETWORKS) if a.group == b.group]
    assert twins
    for one, other in twins:
        assert replace(one, name=other.name) == other


@pytest.mark.parametrize("split", ["network", "random"])
def test_a_table_says_simulated_and_is_the_same_for_the_same_seed(
    tmp_path: Path, split: str
) -> None:
    one, other = (
        write_device_table(SteppedHost(3), tmp_path / n, seed=3, n_rows=60, split=split)
        for n in ("a", "b")
    )
    assert one.read_bytes() == other.read_bytes()
    assert "simulated" in one.name
    facts = json.loads(one.with_suffix(".json").read_text())
    assert facts["source"] == "simulated"
    with one.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 60
    folds = {(row["group"], row["fold"]) for row in rows}
    is_grouped = len(folds) == len({group for group, _ in folds})
    assert is_grouped == (split == "network")


def test_a_split_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MadeUpError, match="network and random"):
        write_device_table(SteppedHost(0), tmp_path, seed=0, n_rows=60, split="time")


def test_the_command_writes_a_table_and_says_where(tmp_path: Path) -> None:
    words = ["--host", "stepped", "--rows", "30", "--out", str(tmp_path / "tables")]
    result = subprocess.run(
        [sys.executable, "-m", "components.madeup.devices", *words],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert Path(result.stdout.strip()).is_file()
