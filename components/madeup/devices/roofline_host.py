"""A made-up host whose devices follow a roofline: work over speed, bytes over bandwidth."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from components.madeup.devices.host import DEVICES, BatchParts, Cost
from components.madeup.errors import MadeUpError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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


N_CORES = 8  # of the CPU
SERIAL = 0.05  # each further thread slows the others by this share


class RooflineHost:
    """Three devices; the hardware figures are drawn from the seed."""

    def __init__(self, seed: int, threads: Sequence[int] = ()) -> None:
        """Draw a host.

        Args:
            seed: of its figures.
            threads: numbers of threads at which the CPU counts as a device of its own, `cpu@N`;
                empty: the CPU is one device, on all of its cores.

        Raises:
            MadeUpError: more threads than cores, or none.
        """
        if not all(1 <= n <= N_CORES for n in threads):
            raise MadeUpError(
                f"asked for a CPU on {list(threads)} threads",
                f"the made-up CPU has {N_CORES} cores",
                f"give numbers from 1 to {N_CORES}",
            )
        rng = np.random.default_rng([seed, 11])
        self._name = f"simulated-roofline-{seed}" + ("-threads" if threads else "")
        drawn = {name: _drawn(typical, rng) for name, typical in TYPICAL.items()}
        cpu = drawn["cpu"]
        self._processors = drawn | {f"cpu@{n}": on_threads(cpu, n) for n in threads}
        widths = tuple(f"cpu@{n}" for n in threads) or ("cpu",)
        self._devices = dict.fromkeys(widths, "cpu") | {
            name: kind for name, kind in DEVICES.items() if kind != "cpu"
        }

    @property
    def name(self) -> str:
        """Says `simulated`, the generator and the seed."""
        return self._name

    @property
    def devices(self) -> Mapping[str, str]:
        """Kind of each device by its name; `cpu@4` is the CPU on four threads."""
        return self._devices

    def costs(self, network: MadeUpNetwork, batch: int, clock_share: float) -> Mapping[str, Cost]:
        """The true cost on each device, without noise."""
        return {
            name: self.parts(network, batch, name, clock_share if kind == "dgpu" else 1.0).cost
            for name, kind in self._devices.items()
        }

    def parts(
        self, network: MadeUpNetwork, batch: int, device: str, clock_share: float
    ) -> BatchParts:
        """What one batch on one device is made of; `clock_share` is that device's own.

        The CPU on all cores can always be asked for as `cpu`, on fewer as `cpu@N`.
        """
        return _parts(self._processor(device), network, batch, clock_share)

    def wake_ms(self, device: str) -> float:
        """Time of the clock from its lowest to its highest; 0 for devices that are always awake."""
        return self._processor(device).wake_ms

    def _processor(self, device: str) -> Processor:
        if device not in self._processors and device.startswith("cpu@"):
            return on_threads(self._processors["cpu"], int(device.removeprefix("cpu@")))
        return self._processors[device]


def on_threads(cpu: Processor, n_threads: int) -> Processor:
    """The CPU on some of its cores: slower, with less power, and each launch a little quicker."""
    share = _speed(n_threads) / _speed(N_CORES)
    return replace(
        cpu,
        gmac_per_s=cpu.gmac_per_s * share,
        half_gmac=cpu.half_gmac * n_threads / N_CORES,
        gb_per_s=cpu.gb_per_s * min(1.0, 0.35 + 0.65 * n_threads / N_CORES),
        launch_ms=cpu.launch_ms * (0.5 + 0.5 * n_threads / N_CORES),
        busy_w=cpu.busy_w * (0.3 + 0.7 * n_threads / N_CORES),
    )


def _speed(n_threads: int) -> float:
    return n_threads / (1.0 + SERIAL * (n_threads - 1))


def _drawn(typical: Processor, rng: np.random.Generator) -> Processor:
    figures = {field: getattr(typical, field) for field in Processor.__slots__}
    return Processor(
        **{field: value * float(np.exp(SPREAD * rng.normal())) for field, value in figures.items()}
    )


def _parts(processor: Processor, network: MadeUpNetwork, batch: int, clock: float) -> BatchParts:
    compute_ms = _compute_ms(processor, network, batch)
    link = processor.link_gb_per_s
    transfer_ms = network.input_mb * batch / link if link else 0.0
    warm_ms = processor.call_ms + processor.launch_ms * network.launches + compute_ms
    wake_ms = _waking_ms(warm_ms, clock, processor.wake_ms)
    active_ms = warm_ms + wake_ms * clock + 0.3 * transfer_ms
    return BatchParts(
        warm_ms=warm_ms,
        wake_ms=wake_ms,
        transfer_ms=transfer_ms,
        active_j=processor.busy_w * active_ms / 1000,
        tail_j=processor.tail_w * processor.tail_ms / 1000,
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
