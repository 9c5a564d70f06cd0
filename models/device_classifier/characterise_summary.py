"""From turns to measurements: the median of the rounds, and how far these lie apart."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from statistics import median
from typing import TYPE_CHECKING

from components.telemetry.device_measurement import DeviceMeasurement, StartState
from components.telemetry.sample import Origin

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from components.devices.device import Device
    from models.device_classifier.characterise_journal import Measured
    from models.device_classifier.characterise_measure import Turn
    from models.device_classifier.characterise_node import RecordingNode
    from models.device_classifier.characterise_plan import Point, RecordingSettings


@dataclass(frozen=True, slots=True)
class Summariser:
    """Knows what all measurements of a recording have in common."""

    settings: RecordingSettings
    node: RecordingNode
    devices: Sequence[Device]

    def measurements(
        self, points: Iterable[Point], measured: Mapping[str, Measured]
    ) -> tuple[DeviceMeasurement, ...]:
        """One for every point and device that took a turn."""
        found = list(self._each(points, measured))
        warm_ms = {_case(m): m.latency_ms for m in found if m.state is StartState.WARM}
        return tuple(
            replace(m, wake_ms=max(m.latency_ms - warm_ms[_case(m)], 0.0))
            if m.state is StartState.IDLE and _case(m) in warm_ms
            else m
            for m in found
        )

    def _each(
        self, points: Iterable[Point], measured: Mapping[str, Measured]
    ) -> Iterator[DeviceMeasurement]:
        for point in (point for point in points if point.name in measured):
            found = measured[point.name]
            for device in self.devices:
                turns = [turn for turn in found.turns if turn.device == device.name]
                if turns:
                    yield self._of(point, device, turns, found.measured_at)

    def _of(
        self, point: Point, device: Device, turns: Sequence[Turn], measured_at: str
    ) -> DeviceMeasurement:
        quiet = [t for t in turns if not t.is_contended(self.settings.max_wait_share)]
        counted = quiet or turns
        latencies_s = [turn.latency_s for turn in counted]
        is_warm = point.state is StartState.WARM
        energy_j = _median(turn.energy_j for turn in counted)
        has_energy = energy_j is not None and device.power is not None
        features = point.network.features
        return DeviceMeasurement(
            recording=self.settings.name,
            node=self.node.name,
            node_class=self.node.node_class,
            fingerprint=self.node.fingerprint,
            origin=Origin.RECORDED,
            measured_at=datetime.fromisoformat(measured_at),
            network=point.network.name,
            structure=point.network.structure,
            layers=features.layers,
            depth=features.depth,
            gmac_dense=features.gmac_dense,
            gmac_conv=features.gmac_conv,
            gmac_depthwise=features.gmac_depthwise,
            gmac_attention=features.gmac_attention,
            parameters_mb=features.parameters_mb,
            activations_mb=features.activations_mb,
            input_mb=features.input_mb,
            launches=features.launches,
            smallest_layer_gmac=features.smallest_layer_gmac,
            weight_bits=features.weight_bits,
            batch_size=point.batch,
            state=point.state,
            idle_s=0.0 if is_warm else self.settings.idle_s,
            n_cpus=self.node.n_cpus,
            layout=self.node.layout,
            device=device.name,
            device_kind=device.kind.value,
            precision=device.precision.value,
            processor=device.facts.get("processor", ""),
            runtime=device.facts.get("runtime", ""),
            latency_ms=median(latencies_s) * 1000,
            latency_spread=spread(latencies_s),
            transfer_ms=_times(1000, _median(turn.transfer_s for turn in counted)),
            throughput_per_s=_throughput_per_s(point.batch, counted) if is_warm else None,
            energy_j=energy_j,
            energy_source=device.power.source if has_energy and device.power else None,
            clock_share=_median(turn.clock_share for turn in counted),
            load=_median(turn.load for turn in counted),
            wait_share=_median(turn.wait_share for turn in counted),
            contended=not quiet,
            n_rounds=len(counted),
            n_runs=sum(turn.n_runs for turn in counted),
        )


def _case(measurement: DeviceMeasurement) -> tuple[str, int, str]:
    return measurement.network, measurement.batch_size, measurement.device


def spread(values: Sequence[float]) -> float | None:
    """(Highest - lowest) / median; None for a single value."""
    if len(values) < 2:
        return None
    return (max(values) - min(values)) / median(values)


def _throughput_per_s(batch: int, turns: Sequence[Turn]) -> float:
    return batch / median(sustained_s(turn) for turn in turns)


def sustained_s(turn: Turn) -> float:
    """Time of one run of many, transfers overlapped where there are any."""
    alone_s = turn.elapsed_s / turn.n_runs
    return alone_s if turn.overlapped_s is None else min(alone_s, turn.overlapped_s)


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def _times(factor: float, value: float | None) -> float | None:
    return None if value is None else factor * value
