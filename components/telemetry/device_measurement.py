"""A device measurement: what one network at one batch cost on one device of a node."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING

from components.telemetry.attributes import AttributeReader
from components.telemetry.sample import Origin, PowerSource

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from components.telemetry.attributes import Attributes, AttributeValue

MEASUREMENT_EVENT = "joulepilot.device_measurement"


class StartState(StrEnum):
    """How a device was when a batch came."""

    WARM = "warm"
    """It had just run the same batch."""
    IDLE = "idle"
    """Nothing had run for `idle_s`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceMeasurement:
    """One row; the key is (node, recording, network, batch_size, state, device).

    What was not observed is None, never 0. A measurement carries what was seen, also when it is
    implausible: judging it is the matter of `data_checks`.

    Attributes:
        recording: what was measured in one go, under one name.
        structure: shared by functionally equal networks.
        layers: of the network, as the eleven after it, by `models.device_classifier`; per input.
        idle_s: since anything ran; 0 when warm.
        n_cpus: the process might use; `layout` of these, None where it is none of ours.
        device: as in tables; `device_kind` is `cpu`, `igpu`, `dgpu`, ….
        latency_ms: of one batch from this state, transfer and wake-up in: the median of rounds.
        latency_spread: of the rounds, (highest - lowest) / median.
        transfer_ms: of the latency, to the device and back; None where memory is shared.
        wake_ms: of the latency, what it takes longer than warm; None where it began warm.
        throughput_per_s: inputs a second, one batch after another, transfers overlapped.
        energy_j: of one batch, by `energy_source`.
        wait_share: time our threads were ready and waited for a CPU, beyond what waking up takes,
            over the time that passed.
        contended: whether that was more than allowed in every round.
        n_rounds: rounds that count; `n_runs` runs in them.
    """

    recording: str
    node: str
    node_class: str
    fingerprint: str
    origin: Origin
    measured_at: datetime
    network: str
    structure: str
    layers: int
    depth: int
    gmac_dense: float
    gmac_conv: float
    gmac_depthwise: float
    gmac_attention: float
    parameters_mb: float
    activations_mb: float
    input_mb: float
    launches: int
    smallest_layer_gmac: float
    weight_bits: float
    batch_size: int
    state: StartState
    idle_s: float
    n_cpus: int
    layout: str | None = None
    device: str
    device_kind: str
    precision: str
    processor: str
    runtime: str
    latency_ms: float
    latency_spread: float | None = None
    transfer_ms: float | None = None
    wake_ms: float | None = None
    throughput_per_s: float | None = None
    energy_j: float | None = None
    energy_source: PowerSource | None = None
    clock_share: float | None = None
    load: float | None = None
    wait_share: float | None = None
    contended: bool
    n_rounds: int
    n_runs: int

    @property
    def key(self) -> tuple[str, str, str, int, str, str]:
        """What makes a measurement one of its kind."""
        row = (self.node, self.recording, self.network)
        return (*row, self.batch_size, self.state.value, self.device)


MEASUREMENT_FIELDS: tuple[str, ...] = tuple(field.name for field in fields(DeviceMeasurement))


def measurement_from_attributes(attributes: Mapping[str, AttributeValue]) -> DeviceMeasurement:
    """Read a measurement, strictly.

    Raises:
        EventError: a field is absent, of another kind, not finite, or not of the contract.
    """
    read = AttributeReader(MEASUREMENT_EVENT, attributes)
    read.only(MEASUREMENT_FIELDS)
    return DeviceMeasurement(
        recording=read.text("recording"),
        node=read.text("node"),
        node_class=read.text("node_class"),
        fingerprint=read.text("fingerprint"),
        origin=read.choice(Origin, "origin"),
        measured_at=read.instant("measured_at"),
        network=read.text("network"),
        structure=read.text("structure"),
        layers=read.whole("layers"),
        depth=read.whole("depth"),
        gmac_dense=read.number("gmac_dense"),
        gmac_conv=read.number("gmac_conv"),
        gmac_depthwise=read.number("gmac_depthwise"),
        gmac_attention=read.number("gmac_attention"),
        parameters_mb=read.number("parameters_mb"),
        activations_mb=read.number("activations_mb"),
        input_mb=read.number("input_mb"),
        launches=read.whole("launches"),
        smallest_layer_gmac=read.number("smallest_layer_gmac"),
        weight_bits=read.number("weight_bits"),
        batch_size=read.whole("batch_size"),
        state=read.choice(StartState, "state"),
        idle_s=read.number("idle_s"),
        n_cpus=read.whole("n_cpus"),
        layout=read.maybe(read.text, "layout"),
        device=read.text("device"),
        device_kind=read.text("device_kind"),
        precision=read.text("precision"),
        processor=read.text("processor"),
        runtime=read.text("runtime"),
        latency_ms=read.number("latency_ms"),
        latency_spread=read.maybe(read.number, "latency_spread"),
        transfer_ms=read.maybe(read.number, "transfer_ms"),
        wake_ms=read.maybe(read.number, "wake_ms"),
        throughput_per_s=read.maybe(read.number, "throughput_per_s"),
        energy_j=read.maybe(read.number, "energy_j"),
        energy_source=read.maybe(lambda name: read.choice(PowerSource, name), "energy_source"),
        clock_share=read.maybe(read.number, "clock_share"),
        load=read.maybe(read.number, "load"),
        wait_share=read.maybe(read.number, "wait_share"),
        contended=read.flag("contended"),
        n_rounds=read.whole("n_rounds"),
        n_runs=read.whole("n_runs"),
    )


def measurement_attributes(measurement: DeviceMeasurement) -> Attributes:
    """Lay a measurement out as attributes; what was not observed is left out."""
    values = {name: getattr(measurement, name) for name in MEASUREMENT_FIELDS}
    values["measured_at"] = measurement.measured_at.isoformat()
    return {
        name: str(value) if isinstance(value, StrEnum) else value
        for name, value in values.items()
        if value is not None
    }
