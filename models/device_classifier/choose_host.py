"""The hosts that can be asked: the made-up one, or whatever a bundle was learned from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.madeup.devices.idle import IDLE
from components.madeup.devices.roofline_host import RooflineHost
from components.madeup.devices.table import write_device_table
from components.policy.device_bundle import load_device_classifier
from components.policy.device_predictor import DevicePredictor
from models.device_classifier.bundling import Origins, bundle_devices
from models.device_classifier.choose_question import DeviceRoom, HostKnown
from models.device_classifier.table_file import read_table
from models.device_classifier.training import train

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

THREADS = (1, 2, 4, 8)
ROWS = 400
NODE_CLASS = "simulated-host"


def host_of_bundle(folder: Path) -> HostKnown:
    """The host that a bundle was learned from; of its memory and sleep nothing else is known.

    Raises:
        BundleError: the folder holds no sound device classifier.
    """
    classifier = load_device_classifier(folder)
    rooms = _made_up_rooms() if classifier.bundle.source == "simulated" else {}
    name = f"{classifier.bundle.name} ({classifier.digest[:12]}, {classifier.bundle.table})"
    return HostKnown(name, DevicePredictor(classifier.brain), rooms)


def made_up_host(kept: Path, seed: int, progress: Callable[[int, int, str], None]) -> HostKnown:
    """The made-up host of a seed; its classifier is trained once and kept in a folder.

    Raises:
        BundleError: what is kept is damaged.
    """
    host = RooflineHost(seed, THREADS)
    folder = kept / f"{host.name}-{ROWS}"
    if not (folder / "bundle.json").exists():
        table = read_table(write_device_table(host, kept, seed=seed, n_rows=ROWS))
        trained = train(table, seed=seed, progress=progress)
        origins = Origins(table=table.name, node_classes=(NODE_CLASS,), metrics={})
        bundle_devices(trained, folder, origins)
    return host_of_bundle(folder)


def _made_up_rooms() -> dict[str, DeviceRoom]:
    return {
        kind: DeviceRoom(facts.memory_mb, facts.shares_memory, facts.lowest_share, facts.warm_w)
        for kind, facts in IDLE.items()
    }
