"""Which devices of those asked for are there."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.devices.device import AbsentDevice, Precision
from components.devices.errors import DeviceAbsentError, DeviceNameError
from components.devices.onnxruntime_cuda import OnnxRuntimeCuda
from components.devices.onnxruntime_device import OnnxRuntimeCpu
from components.devices.openvino_device import OpenVino

if TYPE_CHECKING:
    from collections.abc import Iterable

    from components.devices.device import Device

FORMS = "ort-2t, ort-2t-int8, openvino-2t, openvino-2t-bf16, openvino-2t-int8, igpu:0, dgpu:0"
_CPU = re.compile(r"(ort|openvino)-([1-9]\d{0,2})t(?:-(int8|bf16))?")
_GPU = re.compile(r"(igpu|dgpu):(\d)(?:-(int8))?")


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found."""

    present: tuple[Device, ...]
    absent: tuple[AbsentDevice, ...]


def usual_names() -> tuple[str, ...]:
    """What is looked for when nothing is named: one thread, all threads, and both GPUs."""
    widths = sorted({1, len(os.sched_getaffinity(0))})
    cpus = [f"ort-{n}t" for n in widths] + [f"ort-{n}t-int8" for n in widths]
    return (*cpus, f"openvino-{widths[-1]}t", "igpu:0", "dgpu:0")


def survey(names: Iterable[str]) -> Survey:
    """Open every device that is there; of the others, say why they are not.

    Raises:
        DeviceNameError: one of the names is none of ours.
    """
    present: list[Device] = []
    absent: list[AbsentDevice] = []
    for name in dict.fromkeys(names):
        try:
            present.append(open_device(name))
        except DeviceAbsentError as error:
            absent.append(AbsentDevice(name, error.found, error.remedy))
    return Survey(tuple(present), tuple(absent))


def open_device(name: str) -> Device:
    """Open one device by its name.

    Raises:
        DeviceNameError: the name is none of ours.
        DeviceAbsentError: the processor, its driver or its library is not there.
    """
    if match := _CPU.fullmatch(name):
        runtime, n_threads, precision = match[1], int(match[2]), Precision(match[3] or "fp32")
        _require_cpus(name, n_threads)
        if runtime == "openvino":
            return OpenVino(name, "CPU", n_threads=n_threads, precision=precision)
        if precision is not Precision.BF16:
            return OnnxRuntimeCpu(n_threads, precision)
    if match := _GPU.fullmatch(name):
        index, precision = int(match[2]), Precision(match[3] or "fp32")
        if match[1] == "igpu":
            return OpenVino(name, f"GPU.{index}", precision=precision)
        return OnnxRuntimeCuda(index, precision=precision)
    raise DeviceNameError(
        f"asked for the device {name!r}", "it is none of ours", f"name them like {FORMS}"
    )


def _require_cpus(name: str, n_threads: int) -> None:
    allowed = len(os.sched_getaffinity(0))
    if n_threads > allowed:
        raise DeviceAbsentError(
            f"asked for {name}",
            f"this process may use {allowed} CPUs",
            f"ask for at most {allowed} threads",
        )
