"""What a recording of devices is about: networks, batches, states; and what cannot be."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from components.telemetry.device_measurement import StartState
from models.device_classifier.errors import RecordingError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from models.device_classifier.network_features import NetworkFeatures
    from models.device_classifier.zoo.files import NetworkFile

LARGEST_BATCH = 2**18


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingSettings:
    """How a recording is made; the same settings take an interrupted one up again.

    Attributes:
        name: of the recording and its files.
        batches: batch sizes; none for `n_batches` from 1 up, spread evenly in their logarithm.
        n_batches: how many of those.
        max_gmac: work of the largest of those, in 10^9 multiply-accumulates; never fewer batches.
        max_memory_mb: what the inputs and the largest layer of one run may take.
        states: from which each batch is measured.
        idle_s: rest before a run that starts idle.
        rounds: times every device has its turn at a point.
        burst_s: runs of one turn follow each other for at least so long.
        max_wait_share: of the time, that our threads may wait for a CPU in a turn.
        tries: turns that waited longer are repeated so often at most.
    """

    name: str
    batches: tuple[int, ...] = ()
    n_batches: int = 6
    max_gmac: float = 2.0
    max_memory_mb: float = 1024.0
    states: tuple[StartState, ...] = (StartState.WARM,)
    idle_s: float = 0.2
    rounds: int = 4
    burst_s: float = 0.02
    max_wait_share: float = 0.05
    tries: int = 3

    def __post_init__(self) -> None:
        is_name = re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", self.name) is not None
        right = {
            "name: letters, digits, dots, dashes": is_name,
            "batches from 1 up": all(batch >= 1 for batch in self.batches),
            "at least one of batches, rounds, tries and states": min(
                self.n_batches, self.rounds, self.tries, len(self.states)
            )
            >= 1,
            "work and memory above 0": min(self.max_gmac, self.max_memory_mb) > 0,
            "times and shares from 0 up": min(self.idle_s, self.burst_s, self.max_wait_share) >= 0,
        }
        wrong = [what for what, holds in right.items() if not holds]
        if wrong:
            raise RecordingError(
                f"asked to record {self.name!r}", "settings that cannot be", f"give {wrong[0]}"
            )

    def facts(self) -> dict[str, object]:
        """Every setting by name."""
        return {**asdict(self), "states": [str(s) for s in self.states], "batches": [*self.batches]}


@dataclass(frozen=True, slots=True)
class Point:
    """A network at one batch, from one state: measured on every device in turn."""

    network: NetworkFile
    batch: int
    state: StartState

    @property
    def name(self) -> str:
        """Unique within a recording."""
        return f"{self.network.name}/{self.batch}/{self.state}"


@dataclass(frozen=True, slots=True)
class Plan:
    """Points to be measured, those of one network together; and those left out, with why."""

    points: tuple[Point, ...]
    left_out: tuple[str, ...]


def plan(networks: Iterable[NetworkFile], settings: RecordingSettings) -> Plan:
    """Choose the points of a recording; small networks first, so that little is lost with time."""
    points: list[Point] = []
    left_out: list[str] = []
    for network in sorted(networks, key=lambda each: each.features.gmac):
        needs_mb = run_mb(network.features)
        for batch in settings.batches or batch_sizes(network.features, settings):
            if needs_mb * batch > settings.max_memory_mb:
                left_out.append(f"{network.name} at batch {batch} takes {needs_mb * batch:.0f} MB")
                continue
            points += [Point(network, batch, state) for state in settings.states]
    return Plan(tuple(points), tuple(left_out))


def run_mb(features: NetworkFeatures) -> float:
    """Memory one input of a batch takes: itself, and the largest layer at work."""
    return max(features.input_mb + features.peak_mb, 1e-6)


def batch_sizes(features: NetworkFeatures, settings: RecordingSettings) -> Sequence[int]:
    """Sizes from 1 to what work and memory allow, each larger than the one before."""
    by_memory = int(settings.max_memory_mb / run_mb(features))
    by_work = int(settings.max_gmac / features.gmac) if features.gmac else LARGEST_BATCH
    n_sizes = max(1, settings.n_batches)
    top = max(min(by_memory, max(by_work, n_sizes), LARGEST_BATCH), 1)
    sizes = [1]
    for step in range(1, n_sizes):
        size = max(round(top ** (step / (n_sizes - 1))), sizes[-1] + 1)
        if size <= top:
            sizes.append(size)
    return sizes
