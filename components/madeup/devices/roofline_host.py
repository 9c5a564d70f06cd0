"""A made-up host whose devices follow a roofline: work over speed, bytes over bandwidth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from components.madeup.devices.host import Cost

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.madeup.devices.network import MadeUpNetwork

SPREAD = 0.25  # standard deviation of the log of a drawn figure around the typical one


@dataclass(frozen=True, slots=True)
class Processor:
    """Figures of one device.

    Attributes:
        gmac_per_s: billions of multiply-accumulates a second with all units busy.
        half_gmac: work of one launch, in billions, at which half of the units are busy.
        gb_per_s: bandwidth of its memory; `link_gb_per_s` of the way there (0: none needed).
        call_ms, launch_ms: start of a run, and of each kernel.
        wake_ms: from the lowest clock to the highest.
        busy_w: above idle at full clock; `tail_w` for `tail_ms` after the last batch.
    """

    gmac_per_s: float
    half_gmac: float
    gb_per_s: float
    link_gb_per_s: float
    call_ms: float
    launch_ms: float
    wake_ms: float
    busy_w: float
    tail_w: float
    tail_ms: float


TYPICAL = {
    "cpu": Processor(400.0, 1e-6, 35.0, 0.0, 0.02, 0.004, 0.0, 55.0, 0.0, 0.0),
    "igpu": Processor(450.0, 5e-5, 30.0, 0.0, 0.15, 0.015, 0.0, 20.0, 2.0, 5.0),
    "dgpu": Processor(7000.0, 8e-4, 500.0, 12.0, 0.25, 0.006, 40.0, 120.0, 20.0, 15.0),
}
KIND_EFFICIENCY = {"dense": 0.8, "conv": 1.0, "depthwise": 0.15, "attention": 0.6}


class RooflineHost:
    """Three devices; the hardware figures are drawn from the seed."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng([seed, 11])
        self._name = f"simulated-roofline-{seed}"
        self._processors = {name: _drawn(typical, rng) for name, typical in TYPICAL.items()}

    @property
    def name(self) -> str:
        """Says `simulated`, the generator and the seed."""
        return self._name

    def costs(self, network: MadeUpNetwork, batch: int, clock_share: float) -> Mapping[str, Cost]:
        """The true cost on each device, without noise."""
        clocks = {"cpu": 1.0, "igpu": 1.0, "dgpu": clock_share}
        return {
            name: _cost(processor, network, batch, clocks[name])
            for name, processor in self._processors.items()
        }


def _drawn(typical: Processor, rng: np.random.Generator) -> Processor:
    figures = {field: getattr(typical, field) for field in Processor.__slots__}
    return Processor(
        **{field: value * float(np.exp(SPREAD * rng.normal())) for field, value in figures.items()}
    )


def _cost(processor: Processor, network: MadeUpNetwork, batch: int, clock: float) -> Cost:
    compute_ms = _compute_ms(processor, network, batch)
    link = processor.link_gb_per_s
    transfer_ms = network.input_mb * batch / link if link else 0.0
    start_ms = processor.call_ms + processor.launch_ms * network.launches
    warm_ms = start_ms + compute_ms
    wake_ms = _waking_ms(warm_ms, clock, processor.wake_ms)
    latency_ms = warm_ms + wake_ms + transfer_ms
    active_ms = warm_ms + wake_ms * clock + 0.3 * transfer_ms
    return Cost(
        latency_ms=latency_ms,
        energy_j=(processor.busy_w * active_ms + processor.tail_w * processor.tail_ms) / 1000,
        throughput_per_s=1000 * batch / max(warm_ms, transfer_ms),
    )


def _compute_ms(processor: Processor, network: MadeUpNetwork, batch: int) -> float:
    work = {
        "dense": network.gmac_dense,
        "conv": network.gmac_conv,
        "depthwise": network.gmac_depthwise,
        "attention": network.gmac_attention,
    }
    effective = sum(gmac / KIND_EFFICIENCY[kind] for kind, gmac in work.items()) * batch
    per_launch = effective / network.launches
    busy_share = per_launch / (per_launch + processor.half_gmac)
    math_ms = 1000 * effective / (processor.gmac_per_s * busy_share)
    memory_ms = (network.parameters_mb + network.activations_mb * batch) / processor.gb_per_s
    return max(math_ms, memory_ms)


def _waking_ms(warm_ms: float, clock: float, wake_ms: float) -> float:
    """Time lost while the clock rises linearly from `clock` to its maximum."""
    if clock >= 1.0:
        return 0.0
    ramp_ms = wake_ms * (1.0 - clock)
    work_in_ramp_ms = ramp_ms * (1.0 + clock) / 2.0
    if warm_ms >= work_in_ramp_ms:
        return ramp_ms - work_in_ramp_ms
    slope = (1.0 - clock) / ramp_ms
    took_ms = (-clock + (clock**2 + 2 * slope * warm_ms) ** 0.5) / slope
    return float(took_ms - warm_ms)
