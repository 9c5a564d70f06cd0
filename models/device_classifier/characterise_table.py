"""A recording as a device table: `NAME.csv` and its sidecar `NAME.json`."""

from __future__ import annotations

import csv
import io
import json
from statistics import median
from typing import TYPE_CHECKING

from components.durable_file import replace_file
from components.node.placement import Layout
from models.device_classifier.errors import RecordingError
from models.device_classifier.network_features import NETWORK_FEATURES
from models.device_classifier.table import COLUMNS
from models.device_classifier.table_file import N_FOLDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from components.telemetry.device_measurement import DeviceMeasurement

STATE_FEATURES = ("batch", "idle_s", "n_cpus", "is_spread", "is_smt")
"""The last two tell the layout of the CPUs; `compact` is neither."""
CLOCK_FEATURE = "clock_share"
_LAYOUTS = {"is_spread": Layout.SPREAD, "is_smt": Layout.SMT}
FURTHER = ("latency_spread", "transfer_ms", "wake_ms", "wait_share")
"""Columns by device for people; no objective, so no learner sees them."""


def write_recording(
    path: Path,
    measurements: Sequence[DeviceMeasurement],
    facts: Mapping[str, object],
    *,
    keep_contended: bool = False,
) -> int:
    """Write a table and say how many cells were left empty because others were in the way.

    Functionally equal networks are in one fold; folds are dealt in the order of the groups' work,
    so that each holds small and large ones.

    Raises:
        RecordingError: there is nothing to write.
    """
    kept = [each for each in measurements if keep_contended or not each.contended]
    rows = _rows(kept)
    if not rows:
        raise RecordingError(
            f"asked to write {path.name}",
            f"none of {len(measurements)} measurements counts",
            "measure on a quieter node, or keep contended ones with --keep-contended",
        )
    devices = {each.device: each.device_kind for each in kept}
    features = _feature_names(kept)
    objectives = [name for name, column in COLUMNS.items() if _is_measured(kept, column)]
    replace_file(path, _text(rows, devices, features, objectives))
    sidecar = {
        "devices": devices,
        "objectives": objectives,
        "features": list(features),
        **facts,
        "energy_source": _energy_sources(kept),
        "noise": _noise(kept),
        "contended_left_out": len(measurements) - len(kept),
        "contended_kept": sum(each.contended for each in kept),
    }
    replace_file(path.with_suffix(".json"), json.dumps(sidecar, indent=2) + "\n")
    for written in (path, path.with_suffix(".json")):
        written.chmod(0o644)
    return len(measurements) - len(kept)


def folds(measurements: Iterable[DeviceMeasurement]) -> dict[str, int]:
    """A fold for every group: small and large ones in each."""
    work = {each.structure: _gmac(each) for each in measurements}
    ordered = sorted(work, key=lambda group: (work[group], group))
    return {group: index % N_FOLDS for index, group in enumerate(ordered)}


def _gmac(each: DeviceMeasurement) -> float:
    return each.gmac_dense + each.gmac_conv + each.gmac_depthwise + each.gmac_attention


def _rows(kept: Iterable[DeviceMeasurement]) -> list[list[DeviceMeasurement]]:
    """Measurements of one network, batch and state together, in the order measured."""
    by_row: dict[tuple[str, int, str], list[DeviceMeasurement]] = {}
    for each in kept:
        by_row.setdefault((each.network, each.batch_size, each.state), []).append(each)
    return list(by_row.values())


def _feature_names(kept: Iterable[DeviceMeasurement]) -> tuple[str, ...]:
    has_clock = any(each.clock_share is not None for each in kept)
    return (*NETWORK_FEATURES, *STATE_FEATURES, *((CLOCK_FEATURE,) if has_clock else ()))


def _text(
    rows: Sequence[Sequence[DeviceMeasurement]],
    devices: Iterable[str],
    features: Sequence[str],
    objectives: Sequence[str],
) -> str:
    kept = [each for row in rows for each in row]
    by_group = folds(kept)
    further = (name for name in FURTHER if _is_measured(kept, name))
    quantities = (*(COLUMNS[name] for name in objectives), *further)
    columns = [(quantity, device) for device in devices for quantity in quantities]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = (f"{quantity}__{device}" for quantity, device in columns)
    writer.writerow(("row", "network", "group", "fold", *features, *names))
    for number, row in enumerate(rows):
        first = row[0]
        by_device = {each.device: each for each in row}
        cells = [_cell(getattr(by_device.get(d), quantity, None)) for quantity, d in columns]
        known = (_cell(_feature(name, row)) for name in features)
        identity = (number, first.network, first.structure, by_group[first.structure])
        writer.writerow((*identity, *known, *cells))
    return text.getvalue()


def _feature(name: str, row: Sequence[DeviceMeasurement]) -> float | None:
    if name == "batch":
        return row[0].batch_size
    if name in _LAYOUTS:
        return None if row[0].layout is None else float(row[0].layout == _LAYOUTS[name])
    if name == CLOCK_FEATURE:  # of the processor that sleeps deepest
        known = [each.clock_share for each in row if each.clock_share is not None]
        return min(known) if known else None
    return float(getattr(row[0], name))


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def _is_measured(kept: Iterable[DeviceMeasurement], column: str) -> bool:
    return any(getattr(each, column) is not None for each in kept)


def _energy_sources(kept: Iterable[DeviceMeasurement]) -> dict[str, str]:
    return {each.device: each.energy_source for each in kept if each.energy_source is not None}


def _noise(kept: Sequence[DeviceMeasurement]) -> dict[str, float]:
    """By device, the median of (highest - lowest) / median latency over the rounds of a point."""
    spreads: dict[str, list[float]] = {}
    for each in kept:
        if each.latency_spread is not None:
            spreads.setdefault(each.device, []).append(each.latency_spread)
    return {device: round(median(values), 4) for device, values in spreads.items()}
