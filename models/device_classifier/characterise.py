"""Measure what networks cost on the devices of this node, turn by turn."""

from __future__ import annotations

import gc
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from components.devices.device import Precision
from components.devices.errors import NetworkRefusedError
from models.device_classifier.characterise_journal import Measured
from models.device_classifier.zoo.inputs import random_inputs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from components.devices.device import Device, Inputs, LoadedNetwork
    from models.device_classifier.characterise_journal import Journal
    from models.device_classifier.characterise_measure import Turn, TurnTaker
    from models.device_classifier.characterise_plan import Plan, Point
    from models.device_classifier.zoo.files import NetworkFile, NetworkFiles

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Bench:
    """What measures: devices, the files they are given, and who takes their turns."""

    devices: Sequence[Device]
    files: NetworkFiles
    taker: TurnTaker
    rounds: int

    def measure(self, point: Point) -> Measured:
        """Measure a point on every device: in turns, so that a slow minute hits all alike."""
        inputs = random_inputs(point.network.inputs, point.batch)
        loaded, refused = self._loaded(point)
        turns: list[Turn] = []
        for round_ in range(self.rounds):
            for device in _rotated(self.devices, round_):
                if device.name in loaded:
                    turns += self._turn(device, loaded, inputs, point, refused)
        return Measured(point.name, datetime.now(UTC).isoformat(), tuple(turns), refused)

    def _turn(
        self,
        device: Device,
        loaded: dict[str, LoadedNetwork],
        inputs: Inputs,
        point: Point,
        refused: dict[str, str],
    ) -> list[Turn]:
        try:
            return [self.taker.take(device, loaded[device.name], inputs, point.state)]
        except NetworkRefusedError as error:
            refused[device.name] = error.found
            del loaded[device.name]
            return []

    def _loaded(self, point: Point) -> tuple[dict[str, LoadedNetwork], dict[str, str]]:
        loaded: dict[str, LoadedNetwork] = {}
        refused: dict[str, str] = {}
        for device in self.devices:
            try:
                loaded[device.name] = device.load(self._file(device, point.network), point.batch)
            except NetworkRefusedError as error:
                refused[device.name] = error.found
        return loaded, refused

    def _file(self, device: Device, network: NetworkFile) -> Path:
        if device.precision is Precision.INT8:
            return self.files.int8(network)
        return network.path


def record(
    plan: Plan,
    bench: Bench,
    journal: Journal,
    progress: Callable[[int, int, str], None] = lambda _done, _total, _text: None,
    is_over: Callable[[], bool] = lambda: False,
) -> Mapping[str, Measured]:
    """Measure every point that is not finished yet; may be stopped and called again.

    Args:
        plan: what is to be measured.
        bench: what measures.
        journal: where finished points are kept, those of earlier calls included.
        progress: told (done, total, what).
        is_over: asked before each point; when it says so, the rest stays open.

    Returns:
        The finished points of the plan, by name.

    Raises:
        RecordingError: the journal cannot be written.
        NetworkError: a network's file is gone.
    """
    is_collecting = gc.isenabled()
    gc.disable()  # a collection in the middle of a run would be counted as its own
    try:
        for done, point in enumerate(plan.points):
            progress(done, len(plan.points), point.name)
            if point.name not in journal.finished and not is_over():
                measured = bench.measure(point)
                for device, why in measured.refused.items():
                    _log.warning("%s cannot run %s: %s", device, point.name, why)
                journal.add(measured)
                gc.collect()
    finally:
        if is_collecting:
            gc.enable()
    progress(len(plan.points), len(plan.points), "measured")
    finished = journal.finished
    return {point.name: finished[point.name] for point in plan.points if point.name in finished}


def _rotated(devices: Sequence[Device], by: int) -> Sequence[Device]:
    """Another one begins each round: who follows whom must not always be the same."""
    first = by % len(devices) if devices else 0
    return (*devices[first:], *devices[:first])
