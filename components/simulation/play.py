"""Plays a scenario: a contender decides, the world answers, and every step is written down."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from components.node.cpuset import CpuSet
    from components.simulation.cast import Cast
    from components.simulation.world import World


@dataclass(frozen=True, slots=True)
class Seen:
    """What can be observed of a step that is over."""

    step: int
    at_s: float
    """Its end."""
    held: Mapping[str, CpuSet]
    latency_ms: Mapping[str, float]
    """With noise; jobs whose page is silent are missing."""
    rates_per_s: Mapping[str, float]
    busy_cpus: Mapping[str, float]
    power_w: float


class Contender(Protocol):
    """Decides which CPUs each job has."""

    @property
    def name(self) -> str:
        """What it is called in tables."""
        ...

    def begin(self, cast: Cast) -> dict[str, CpuSet]:
        """What jobs have in the first step."""
        ...

    def next(self, seen: Seen) -> dict[str, CpuSet]:
        """What jobs have in the next step."""
        ...


@dataclass(frozen=True)
class Record:
    """What came of one contender; T steps, J jobs."""

    contender: str
    jobs: tuple[str, ...]
    step_s: float
    power_w: NDArray[np.float64]
    """Shape (T,): true power of the node."""
    latency: NDArray[np.float64]
    """Shape (T, J): true mean latency over the target."""
    n_cpus: NDArray[np.float64]
    """Shape (T, J)."""
    apart: NDArray[np.bool_]
    """Shape (T, J): windows of probes."""
    moved: NDArray[np.bool_]
    """Shape (T, J): whether the CPUs are others than a step before, probes and their end apart."""
    capped: NDArray[np.bool_]
    """Shape (T,): whether the node throttled itself."""

    @property
    def missed(self) -> NDArray[np.bool_]:
        """Shape (T, J): target missed in a window that is not of a probe."""
        return np.asarray((self.latency > 1.0) & ~self.apart)


def play(world: World, contender: Contender) -> Record:
    """Let a contender decide all of a scenario."""
    cast = world.cast
    scribe = Scribe(world, contender.name)
    noise = np.random.default_rng([cast.seed, 0x5EE])
    held = contender.begin(cast)
    for step in range(cast.scenario.n_steps):
        moment = world.moment(step)
        outcome = world.outcome(moment, held)
        scribe.note(step, held, outcome.latency_ms, outcome.power_w, moment.disturbance.cap_w)
        sigma = cast.scenario.noise
        latency_ms = {
            name: ms * math.exp(sigma * noise.standard_normal())
            for name, ms in outcome.latency_ms.items()
            if name not in moment.silent
        }
        seen = Seen(
            step,
            (step + 1) * cast.scenario.step_s,
            held,
            latency_ms,
            moment.rates_per_s,
            outcome.cpu_use,
            outcome.power_w * math.exp(0.5 * sigma * noise.standard_normal()),
        )
        held = contender.next(seen)
    return scribe.record()


class Scribe:
    """Writes a record step by step."""

    def __init__(self, world: World, contender: str) -> None:
        cast = world.cast
        self._targets = {p.name: p.target_ms for p in cast.players}
        self._before: Mapping[str, CpuSet] = {}
        shape = (cast.scenario.n_steps, len(cast.players))
        self._record = Record(
            contender,
            tuple(self._targets),
            cast.scenario.step_s,
            np.zeros(shape[0]),
            np.zeros(shape),
            np.zeros(shape),
            np.zeros(shape, dtype=np.bool_),
            np.zeros(shape, dtype=np.bool_),
            np.zeros(shape[0], dtype=np.bool_),
        )

    def note(
        self,
        step: int,
        held: Mapping[str, CpuSet],
        latency_ms: Mapping[str, float],
        power_w: float,
        cap_w: float | None,
        probing: frozenset[str] = frozenset(),
    ) -> None:
        """Write down one step, by what is true."""
        record = self._record
        record.power_w[step] = power_w
        record.capped[step] = cap_w is not None and power_w >= cap_w
        for column, (name, target_ms) in enumerate(self._targets.items()):
            record.latency[step, column] = latency_ms[name] / target_ms
            record.n_cpus[step, column] = len(held[name])
            record.apart[step, column] = name in probing
            moved = bool(self._before) and held[name] != self._before[name]
            was_probing = bool(step) and bool(record.apart[step - 1, column])
            record.moved[step, column] = moved and name not in probing and not was_probing
        self._before = dict(held)

    def record(self) -> Record:
        """All that was written."""
        return self._record
