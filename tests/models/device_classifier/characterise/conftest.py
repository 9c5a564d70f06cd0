"""A recording in small: two networks, and devices whose every figure is known."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from components.devices.device import DeviceState, Kind, Precision, Run
from components.devices.errors import NetworkRefusedError
from components.telemetry.device_measurement import DeviceMeasurement, StartState
from components.telemetry.sample import Origin, PowerSource
from models.device_classifier.characterise_node import RecordingNode
from models.device_classifier.characterise_plan import RecordingSettings
from models.device_classifier.zoo.files import NetworkFiles

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


@dataclass
class KnownDevice:
    """A device of which a run takes `base_s` and `per_input_s`, more after a rest."""

    clock: KnownClock
    name: str = "known"
    kind: Kind = Kind.DGPU
    precision: Precision = Precision.FP32
    base_s: float = 0.002
    per_input_s: float = 0.0001
    wake_s: float = 0.05
    transfer_s: float | None = 0.0005
    watts: float = 50.0
    most_inputs: int = 1_000
    least_energy_s: float = 0.0
    source: PowerSource = PowerSource.MEASURED
    idle_w: None = None
    batches: list[int] = field(default_factory=list)

    @property
    def facts(self) -> Mapping[str, str]:
        return {"processor": "known", "runtime": "known 1"}

    @property
    def power(self) -> Any:
        return self

    def energy_j(self) -> float:
        return self.clock.busy_s * self.watts

    def load(self, network: Path, batch: int) -> KnownDevice:
        return self

    def state(self) -> DeviceState:
        return DeviceState(clock_share=0.2 if self.clock.is_rested else 1.0, load=0.0)

    def run(self, inputs: Mapping[str, Any]) -> Run:
        batch = len(next(iter(inputs.values())))
        if batch > self.most_inputs:
            raise NetworkRefusedError("asked to run these inputs", "out of memory", "fewer")
        self.batches.append(batch)
        took_s = self.base_s + batch * self.per_input_s + self.clock.is_rested * self.wake_s
        self.clock.advance(took_s)
        return Run((np.zeros((batch, 1)),), took_s, self.transfer_s)


@dataclass
class KnownClock:
    now_s: float = 0.0
    busy_s: float = 0.0
    is_rested: bool = False

    def __call__(self) -> float:
        return self.now_s

    def advance(self, by_s: float) -> None:
        self.now_s += by_s
        self.busy_s += by_s
        self.is_rested = False

    def sleep(self, for_s: float) -> None:
        self.now_s += for_s
        self.is_rested = True


@pytest.fixture
def clock() -> KnownClock:
    return KnownClock()


@pytest.fixture
def known_device(clock: KnownClock) -> Callable[..., KnownDevice]:
    def make(**figures: Any) -> KnownDevice:
        return KnownDevice(clock, **figures)

    return make


@pytest.fixture
def files(tmp_path: Path) -> NetworkFiles:
    return NetworkFiles(tmp_path / "networks")


@pytest.fixture
def settings() -> RecordingSettings:
    return RecordingSettings(name="small", rounds=2, n_batches=3, max_gmac=1e-5, burst_s=0.001)


@pytest.fixture
def node() -> RecordingNode:
    return RecordingNode("node-a", "amd-2c", "f00d", 2, "compact", {"cpu": "known"})


@pytest.fixture
def measurement() -> Callable[..., DeviceMeasurement]:
    def make(**changes: Any) -> DeviceMeasurement:
        figures: dict[str, Any] = {
            "recording": "small", "node": "node-a", "node_class": "amd-2c", "fingerprint": "f00d",
            "origin": Origin.RECORDED, "measured_at": datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC),
            "network": "net", "structure": "s-net", "layers": 3, "depth": 3, "gmac_dense": 0.001,
            "gmac_conv": 0.0, "gmac_depthwise": 0.0, "gmac_attention": 0.0, "parameters_mb": 4.0,
            "activations_mb": 0.1, "input_mb": 0.01, "launches": 6,
            "smallest_layer_gmac": 1e-5, "weight_bits": 32.0,
            "batch_size": 1, "state": StartState.WARM, "idle_s": 0.0, "n_cpus": 2,
            "device": "ort-1t", "device_kind": "cpu", "precision": "fp32", "processor": "known",
            "runtime": "known 1", "latency_ms": 2.0, "throughput_per_s": 500.0, "energy_j": 0.01,
            "energy_source": PowerSource.MODELLED, "wait_share": 0.0, "contended": False,
            "n_rounds": 4, "n_runs": 40,
        }  # fmt: skip
        return DeviceMeasurement(**{**figures, **changes})

    return make
