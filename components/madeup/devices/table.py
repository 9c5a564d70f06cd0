"""Device tables of made-up hosts, in the form that outside tables have."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import numpy as np

from components.madeup.devices.network import draw_networks
from components.madeup.errors import MadeUpError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from components.madeup.devices.host import Cost, DeviceHost
    from components.madeup.devices.network import MadeUpNetwork

N_FOLDS = 5
FIRST_DRAW = 31  # apart from the draws of the hosts' own figures
NETWORK_FEATURES = (
    "layers", "depth", "gmac_dense", "gmac_conv", "gmac_depthwise", "gmac_attention",
    "parameters_mb", "activations_mb", "input_mb", "launches",
)  # fmt: skip
FEATURES = (*NETWORK_FEATURES, "batch", "clock_share")
QUANTITIES = ("latency_ms", "energy_j", "throughput_per_s")


def write_device_table(
    host: DeviceHost,
    folder: Path,
    *,
    seed: int,
    n_rows: int,
    points_per_network: int = 5,
    split: str = "network",
    noise: float = 0.01,
) -> Path:
    """Measure made-up networks on a made-up host and write `NAME.csv` with its `NAME.json`.

    Args:
        host: whose costs are measured; its name becomes the table's.
        folder: where both files go; made if missing.
        seed: of networks, states and noise.
        n_rows: rows of the table.
        points_per_network: batches and states measured of each network.
        split: `network`: a fold holds whole groups; `random`: rows are dealt out.
        noise: standard deviation of the log of each measurement.

    Raises:
        MadeUpError: no such split, or fewer rows than folds.
    """
    if split not in {"network", "random"} or n_rows < N_FOLDS:
        raise MadeUpError(
            f"asked for {n_rows} rows split by {split!r}",
            f"rows start at {N_FOLDS}, splits are network and random",
            "ask for one of these",
        )
    rng = np.random.default_rng([seed, FIRST_DRAW])
    networks = draw_networks(rng, -(-n_rows // points_per_network))
    folds = _folds(networks, points_per_network, split, rng)
    folder.mkdir(parents=True, exist_ok=True)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = [f"{quantity}__{device}" for device in host.devices for quantity in QUANTITIES]
    writer.writerow(("row", "network", "group", "fold", *FEATURES, *columns))
    for row in range(n_rows):
        network = networks[row // points_per_network]
        batch, clock = int(2 ** rng.integers(0, 15)), _clock_share(rng)
        costs = host.costs(network, batch, clock)
        features = (*(getattr(network, name) for name in NETWORK_FEATURES), batch, clock)
        cells = (f"{value:.6g}" for value in (*features, *_measured(costs.values(), noise, rng)))
        writer.writerow((row, network.name, network.group, folds[row], *cells))
    path = folder / f"{host.name}-{split}-{n_rows}.csv"
    path.write_text(text.getvalue(), encoding="utf-8")
    path.with_suffix(".json").write_text(_sidecar(host, seed, noise), encoding="utf-8")
    return path


def _measured(costs: Iterable[Cost], noise: float, rng: np.random.Generator) -> Iterator[float]:
    for cost in costs:
        for quantity in QUANTITIES:
            yield float(getattr(cost, quantity) * np.exp(noise * rng.normal()))


def _clock_share(rng: np.random.Generator) -> float:
    """Warm in half of the rows, else somewhere between idle and warm."""
    return 1.0 if rng.random() < 0.5 else round(float(rng.uniform(0.12, 0.95)), 3)


def _folds(
    networks: tuple[MadeUpNetwork, ...], points: int, split: str, rng: np.random.Generator
) -> list[int]:
    if split == "random":
        return [int(fold) for fold in rng.permutation(np.arange(len(networks) * points) % N_FOLDS)]
    groups = list(dict.fromkeys(network.group for network in networks))
    dealt = dict(zip(groups, rng.permutation(np.arange(len(groups)) % N_FOLDS), strict=True))
    return [int(dealt[network.group]) for network in networks for _ in range(points)]


def _sidecar(host: DeviceHost, seed: int, noise: float) -> str:
    facts = {
        "devices": dict(host.devices),
        "objectives": ["latency", "energy", "throughput"],
        "features": list(FEATURES),
        "source": "simulated",
        "host": host.name,
        "seed": seed,
        "noise": noise,
        "energy_accounting": "marginal: above the idle host, tail power in",
    }
    return json.dumps(facts, indent=2) + "\n"
