"""Which meters a node tries, by the names that `--power` takes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from components.telemetry.errors import MeterError
from components.telemetry.node_power import NodePower, Opener
from components.telemetry.nvml import NvmlPower
from components.telemetry.power_calibration import PowerCalibration
from components.telemetry.power_model import ModelledPower, PowerCurve, VcpuPower
from components.telemetry.rapl import POWERCAP, RaplPower
from components.telemetry.summed_power import SummedPower

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from components.telemetry.meters import CpuTimes, PowerMeter

DEFAULT_ORDER = ("rapl+nvml", "rapl", "psys")
"""Processors, memory and GPUs where there are any; then what is there without GPUs."""
MODEL = "model"


def parse_order(text: str) -> tuple[str, ...]:
    """Read `rapl+nvml,rapl,model`; `model` is always the last resort and may be said.

    Raises:
        MeterError: a name is unknown.
    """
    order = tuple(name.strip() for name in text.split(",") if name.strip())
    for name in order:
        for part in name.split("+"):
            if part not in {"rapl", "psys", "nvml"} and name != MODEL:
                raise MeterError(
                    f"asked to read power by {name!r}",
                    f"there is no meter {part!r}",
                    "name some of rapl, psys, nvml, joined by + where they add up, or model",
                )
    return order


def open_meter(name: str, powercap: Path = POWERCAP) -> PowerMeter:
    """Open one meter, or the sum of those joined by +.

    Raises:
        MeterError, ReadingError: one of them does not work, and why.
    """
    opened = [_open_part(part, powercap) for part in name.split("+")]
    return opened[0] if len(opened) == 1 else SummedPower(opened)


def node_power(
    cpu_times: CpuTimes,
    *,
    n_logical: int,
    watts: VcpuPower,
    order: Sequence[str] = DEFAULT_ORDER,
    powercap: Path = POWERCAP,
    kept: Path | None = None,
) -> NodePower:
    """The node's power by this order, and by the model where nothing of it works."""
    before_model = order[: order.index(MODEL)] if MODEL in order else order
    openers = [Opener(name, partial(open_meter, name, powercap)) for name in before_model]
    model = ModelledPower(cpu_times, n_logical=n_logical, idle_w=watts.idle_w, full_w=watts.full_w)
    published = PowerCurve(watts.idle_w, watts.full_w)
    return NodePower(openers, model, PowerCalibration(n_logical, published), cpu_times, kept=kept)


def _open_part(part: str, powercap: Path) -> PowerMeter:
    if part == "nvml":
        return NvmlPower()
    return RaplPower(powercap, platform=part == "psys")
