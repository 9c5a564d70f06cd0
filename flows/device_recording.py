"""A recording of devices as a recipe: find them, plan, measure, write, send."""

from __future__ import annotations

import math
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from components.devices.survey import survey
from data_checks.device_checking import reasons_against
from models.device_classifier.characterise import Bench, record
from models.device_classifier.characterise_ceiling import HALVES, ceiling
from models.device_classifier.characterise_journal import Journal
from models.device_classifier.characterise_measure import TurnTaker
from models.device_classifier.characterise_node import this_node
from models.device_classifier.characterise_plan import plan
from models.device_classifier.characterise_summary import Summariser, sustained_s
from models.device_classifier.characterise_table import write_recording
from models.device_classifier.errors import RecordingError
from models.device_classifier.zoo.files import NetworkFiles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from components.devices.device import AbsentDevice
    from components.devices.survey import Survey
    from components.telemetry.device_measurement import DeviceMeasurement
    from models.device_classifier.characterise_ceiling import Ceiling
    from models.device_classifier.characterise_journal import Measured
    from models.device_classifier.characterise_node import RecordingNode
    from models.device_classifier.characterise_plan import Plan, RecordingSettings

ENERGY_ACCOUNTING = (
    "cpu, igpu: the node's power over the run, idle share in, as if this process alone used it; "
    "dgpu: the GPU's own counter"
)


@dataclass(frozen=True, slots=True)
class Recording:
    """What was recorded, and where it lies."""

    table: Path
    measurements: tuple[DeviceMeasurement, ...]
    absent: tuple[AbsentDevice, ...]
    left_out: tuple[str, ...]
    n_open: int
    """Points that time did not suffice for."""
    n_contended_left_out: int
    refused: Mapping[str, int]
    """Measurements left out of the table by the rule of the checks that they break."""
    ceilings: Mapping[str, Ceiling]
    """By objective."""


@dataclass(frozen=True, slots=True)
class RecordingOrder:
    """What is to be recorded, and where to."""

    networks: tuple[str, ...]
    devices: tuple[str, ...]
    settings: RecordingSettings
    out: Path
    kept_networks: Path
    """Folder in which drawn and quantised networks stay between recordings."""
    keep_contended: bool = False
    for_s: float = math.inf
    """Begin no point later than this."""


def record_devices(
    order: RecordingOrder,
    progress: Callable[[int, int, str], None] = lambda _done, _total, _text: None,
) -> Recording:
    """Measure what is not measured yet of an order, and write its table.

    Raises:
        DeviceNameError, NetworkError: the order names what nobody knows.
        RecordingError: no device is there, or the recording was begun in another way.
    """
    node, found = this_node(), survey(order.devices)
    _require_devices(found)
    files = NetworkFiles(order.kept_networks)
    networks = files.named(order.networks)
    planned = plan(networks, order.settings)
    journal = Journal(order.out / f"{order.settings.name}.journal.jsonl")
    journal.begin(_beginning(order, found, node, (each.name for each in networks)))
    bench = Bench(found.present, files, TurnTaker(order.settings), order.settings.rounds)
    over_s = time.monotonic() + order.for_s
    measured = record(planned, bench, journal, progress, lambda: time.monotonic() > over_s)
    summariser = Summariser(order.settings, node, found.present)
    measurements = summariser.measurements(planned.points, measured)
    refused = reasons_against(measurements)
    good = [each for each, broken in zip(measurements, refused, strict=True) if not broken]
    table = order.out / f"{order.settings.name}.csv"
    ceilings = _ceilings(_counted(measured.values(), order))
    n_left_out = write_recording(
        table,
        good,
        {**_facts(order, found, node, planned, ceilings), **_when(measurements)},
        keep_contended=order.keep_contended,
    )
    return Recording(
        table=table,
        measurements=measurements,
        absent=found.absent,
        left_out=planned.left_out,
        n_open=len(planned.points) - len(measured),
        n_contended_left_out=n_left_out,
        refused=Counter(code for broken in refused for code in broken),
        ceilings=ceilings,
    )


def _require_devices(found: Survey) -> None:
    if not found.present:
        reasons = "; ".join(f"{each.name}: {each.reason}" for each in found.absent)
        raise RecordingError("asked to record devices", f"none is there: {reasons}", "name others")


def _beginning(
    order: RecordingOrder, found: Survey, node: RecordingNode, networks: Iterable[str]
) -> Mapping[str, object]:
    """What must not change when a recording is taken up again."""
    return {
        **order.settings.facts(),
        "networks": list(networks),
        "devices": [device.name for device in found.present],
        "node_class": node.node_class,
        "fingerprint": node.fingerprint,
        "n_cpus": node.n_cpus,
    }


def _facts(
    order: RecordingOrder,
    found: Survey,
    node: RecordingNode,
    planned: Plan,
    ceilings: Mapping[str, Ceiling],
) -> Mapping[str, object]:
    """What the sidecar says beyond what the table needs."""
    return {
        "source": "recorded",
        "command": command_line(sys.argv),
        "node_class": node.node_class,
        "fingerprint": node.fingerprint,
        "node": node.facts,
        "device_facts": {device.name: dict(device.facts) for device in found.present},
        "devices_absent": {each.name: each.reason for each in found.absent},
        "energy_accounting": ENERGY_ACCOUNTING,
        "settings": order.settings.facts(),
        "left_out": list(planned.left_out),
        HALVES: {name: asdict(found) for name, found in ceilings.items()},
    }


def _when(measurements: Sequence[DeviceMeasurement]) -> Mapping[str, str]:
    """First and last day of a recording, which may have been taken up again."""
    days = sorted(each.measured_at.date().isoformat() for each in measurements)
    return {"recorded_from": days[0], "recorded_to": days[-1]} if days else {}


def _counted(measured: Iterable[Measured], order: RecordingOrder) -> list[Measured]:
    """Points without the turns that the table leaves out."""
    limit = math.inf if order.keep_contended else order.settings.max_wait_share
    return [
        replace(point, turns=tuple(t for t in point.turns if not t.is_contended(limit)))
        for point in measured
    ]


def _ceilings(points: Sequence[Measured]) -> dict[str, Ceiling]:
    found = {
        "latency": ceiling(points, lambda turn: turn.latency_s),
        "energy": ceiling(points, lambda turn: turn.energy_j),
        "throughput": ceiling(points, sustained_s),
    }
    return {name: value for name, value in found.items() if value is not None}


def command_line(words: Sequence[str]) -> str:
    """A command as it was typed, the program by its name alone."""
    return " ".join(["joulepilot", *words[1:]])
