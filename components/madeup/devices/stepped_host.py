"""A made-up host that looks like measured tables: steps, caches and clock limits, no roofline."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

import numpy as np

from components.madeup.devices.host import DEVICES, BatchParts, Cost

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.madeup.devices.network import MadeUpNetwork

TILE = {"cpu": 4, "igpu": 16, "dgpu": 64}  # inputs that run as one wave
WAVE_POWER = {"cpu": 0.95, "igpu": 0.85, "dgpu": 0.75}  # exponent of work: big ones run better
SCALE_MS = {"cpu": 3.0, "igpu": 2.2, "dgpu": 0.5}  # of one wave of one GMAC, for each input
FLOOR_MS = {"cpu": 0.03, "igpu": 0.4, "dgpu": 0.8}
LAYER_MS = {"cpu": 0.003, "igpu": 0.012, "dgpu": 0.02}
CACHE_MB = {"cpu": 24.0, "igpu": 4.0, "dgpu": 40.0}
CACHE_STEP = {"cpu": 1.9, "igpu": 1.4, "dgpu": 1.25}  # slower by so much beyond the cache
LIMIT_AFTER_MS = {"cpu": 800.0, "igpu": 3000.0, "dgpu": 2000.0}
LIMIT_STEP = {"cpu": 1.3, "igpu": 1.1, "dgpu": 1.2}  # slower by so much at the power limit
BUSY_W = {"cpu": 48.0, "igpu": 16.0, "dgpu": 140.0}
START_J = {"cpu": 0.0005, "igpu": 0.004, "dgpu": 0.15}
LINK_MS_PER_MB = {"cpu": 0.0, "igpu": 0.0, "dgpu": 0.09}
STATE_STEPS = ((0.9, 1.0), (0.5, 1.6), (0.3, 3.0), (0.0, 6.0))  # clock at least -> times slower
SPREAD = 0.2


class SteppedHost:
    """Three devices made of waves, cache cliffs and clock limits; figures drawn from the seed."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng([seed, 23])
        self._name = f"simulated-stepped-{seed}"
        self._scale = {device: float(np.exp(SPREAD * rng.normal())) for device in TILE}

    @property
    def name(self) -> str:
        """Says `simulated`, the generator and the seed."""
        return self._name

    @property
    def devices(self) -> Mapping[str, str]:
        """Kind of each device by its name."""
        return DEVICES

    def costs(self, network: MadeUpNetwork, batch: int, clock_share: float) -> Mapping[str, Cost]:
        """The true cost on each device, without noise."""
        return {
            device: self.parts(
                network, batch, device, clock_share if device == "dgpu" else 1.0
            ).cost
            for device in TILE
        }

    def parts(
        self, network: MadeUpNetwork, batch: int, device: str, clock_share: float
    ) -> BatchParts:
        """What one batch on one device is made of; `clock_share` is that device's own."""
        slower = next(times for floor, times in STATE_STEPS if clock_share >= floor)
        warm_ms = self._warm_ms(device, network, batch)
        transfer_ms = LINK_MS_PER_MB[device] * network.input_mb * batch
        running_ms = _limited_ms(warm_ms * slower, device)
        at_full_ms = _limited_ms(warm_ms, device)
        share_w = float(BUSY_W[device] / slower**0.7)
        return BatchParts(
            warm_ms=at_full_ms,
            wake_ms=running_ms - at_full_ms,
            transfer_ms=transfer_ms,
            active_j=START_J[device] + share_w * (running_ms + transfer_ms) / 1000,
            tail_j=0.0,
            throughput_per_s=1000 * batch / max(warm_ms * LIMIT_STEP[device], transfer_ms),
        )

    def _warm_ms(self, device: str, network: MadeUpNetwork, batch: int) -> float:
        waves = ceil(batch / TILE[device])
        inputs = waves * TILE[device] if batch > TILE[device] else batch
        work = network.gmac_dense + network.gmac_conv + 1.7 * network.gmac_attention
        work += {"cpu": 2.0, "igpu": 5.0, "dgpu": 8.0}[device] * network.gmac_depthwise
        math_ms = self._scale[device] * SCALE_MS[device] * (work * inputs) ** WAVE_POWER[device]
        working_set_mb = network.parameters_mb + network.activations_mb * min(batch, TILE[device])
        if working_set_mb > CACHE_MB[device]:
            math_ms *= CACHE_STEP[device]
        return float(FLOOR_MS[device] + LAYER_MS[device] * network.launches + math_ms)


def _limited_ms(wanted_ms: float, device: str) -> float:
    over_ms = max(0.0, wanted_ms - LIMIT_AFTER_MS[device])
    return wanted_ms + (LIMIT_STEP[device] - 1.0) * over_ms
