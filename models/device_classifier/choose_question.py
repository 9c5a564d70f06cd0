"""What `device choose` is asked, and what is known of the host beside its classifier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.policy.device_predictor import DeviceWork

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from components.policy.device_policies import DevicePolicy
    from components.policy.device_predictor import DevicePredictor, Outlook


@dataclass(frozen=True, slots=True)
class DeviceRoom:
    """What is known of one kind of device.

    Attributes:
        memory_mb: of its own, or of the host where it shares that.
        shares_memory: whether inputs need no copy.
        idle_share: its clock at rest over the maximum; 1: it does not sleep.
        warm_w: drawn above rest while its clock is kept up on purpose.
    """

    memory_mb: float
    shares_memory: bool
    idle_share: float
    warm_w: float


@dataclass(frozen=True, slots=True)
class HostKnown:
    """A host: who predicts for it, and what else is known.

    Attributes:
        name: says `simulated` where it is made up.
        rooms: by kind of device; empty where nothing is known.
    """

    name: str
    predictor: DevicePredictor
    rooms: Mapping[str, DeviceRoom]

    def room(self, device: str) -> DeviceRoom | None:
        """What is known of a device of the classifier; None where nothing is."""
        return self.rooms.get(self.predictor.brain.facts.devices[device])


@dataclass(frozen=True, slots=True)
class Question:
    """One network, one batch, one state, and what to choose for.

    Attributes:
        features: of the network, by name; `peak_mb` of one input.
        clock_share: of the discrete GPU over its maximum.
        target_ms: of one batch; None: none is asked.
        n_cpus: that it has, where the classifier knows their number.
    """

    host: HostKnown
    network: str
    features: Mapping[str, float]
    peak_mb: float
    batch: int
    policy: DevicePolicy
    clock_share: float
    target_ms: float | None
    n_cpus: int = 1

    @property
    def devices(self) -> tuple[str, ...]:
        """All that were learned."""
        return self.host.predictor.devices

    def kind(self, device: str) -> str:
        """Kind of a device: `cpu`, `igpu`, `dgpu` and so on."""
        return self.host.predictor.brain.facts.devices[device]

    def outlook(self, batch: int | None = None, clock_share: float | None = None) -> Outlook:
        """What is expected of this batch, or of another, or from another state."""
        return self.outlooks([batch or self.batch], clock_share)[0]

    def outlooks(
        self, batches: Sequence[int], clock_share: float | None = None
    ) -> tuple[Outlook, ...]:
        """What is expected of several batches."""
        clock = self.clock_share if clock_share is None else clock_share
        idle_s = 0.0 if clock >= 1.0 else self._longest_rest_s
        works = [DeviceWork(self.features, batch, clock, self.n_cpus, idle_s) for batch in batches]
        return self.host.predictor.expected_all(works)

    def needed_mb(self, batch: int) -> float:
        """Memory of one batch: weights, inputs, and the busiest operator's inputs and outputs."""
        per_input = self.features.get("input_mb", 0.0) + self.peak_mb
        return self.features.get("parameters_mb", 0.0) + batch * per_input

    @property
    def largest_learned_batch(self) -> int:
        """Beyond it nothing was seen in training."""
        return int(self._highest("batch", float(self.batch)))

    @property
    def _longest_rest_s(self) -> float:
        """What idle was when it was measured, where that was told in seconds."""
        return self._highest("idle_s", 0.0)

    def _highest(self, feature: str, otherwise: float) -> float:
        specs = self.host.predictor.brain.facts.features
        return next((spec.high for spec in specs if spec.name == feature), otherwise)


def threads_of(device: str) -> int | None:
    """Threads that a device's name tells: 4 of `cpu@4`, 2 of `ort-2t`; None where it tells none."""
    tail = device.partition("@")[2] or device.rpartition("-")[2].removesuffix("t")
    return int(tail) if tail.isdigit() else None
