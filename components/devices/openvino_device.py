"""OpenVINO on the CPU and on Intel's integrated GPUs. The one file that knows openvino."""

from __future__ import annotations

import importlib
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from components.devices.cpu import cpu_state, own_power
from components.devices.device import DeviceState, Kind, Precision, Run
from components.devices.errors import DeviceAbsentError
from components.devices.onnxruntime_device import refused

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from components.devices.device import Inputs
    from components.telemetry.meters import PowerMeter

_HINTS = {Precision.FP32: "f32", Precision.BF16: "bf16", Precision.INT8: "f32"}
"""What is not quantised in the file is computed in this; left alone it takes bf16 on some CPUs."""


class OpenVino:
    """Runs networks through one of OpenVINO's plugins; a Device.

    A network is compiled for each batch, as one who serves a known batch would.
    """

    def __init__(
        self,
        name: str,
        plugin: str,
        *,
        n_threads: int | None = None,
        precision: Precision = Precision.FP32,
    ) -> None:
        """Look for the plugin's processor (`CPU`, `GPU.0`).

        Raises:
            DeviceAbsentError: openvino is not installed, or sees no such processor.
        """
        self._core, self._version = _core(name)
        self._name = name
        self._plugin = _present(self._core, name, plugin)
        self._n_threads = n_threads
        self._precision = precision
        self._power = own_power() if self.kind is Kind.CPU else None

    @property
    def name(self) -> str:
        """`openvino-2t`, `openvino-2t-bf16`, `igpu:0`."""
        return self._name

    @property
    def kind(self) -> Kind:
        """By the plugin."""
        return Kind.CPU if self._plugin == "CPU" else Kind.IGPU

    @property
    def precision(self) -> Precision:
        """As asked for."""
        return self._precision

    @property
    def facts(self) -> Mapping[str, str]:
        """Processor, runtime, threads."""
        processor = str(self._core.get_property(self._plugin, "FULL_DEVICE_NAME"))
        facts = {"processor": processor, "runtime": f"openvino {self._version}"}
        return facts if self._n_threads is None else {**facts, "threads": str(self._n_threads)}

    @property
    def power(self) -> PowerMeter | None:
        """The node's, modelled from our CPU time; an integrated GPU has no meter of its own."""
        return self._power

    @property
    def least_energy_s(self) -> float:
        """CPU time is counted in nanoseconds."""
        return 0.0

    def load(self, network: Path, batch: int) -> OpenVinoNetwork:
        """Compile a network for one batch.

        Raises:
            NetworkRefusedError: it is no network, or the plugin does not take it.
        """
        try:
            model = self._core.read_model(str(network))
            model.reshape({port: _with_batch(port, batch) for port in model.inputs})
            compiled = self._core.compile_model(model, self._plugin, self._settings())
        except RuntimeError as error:  # all that OpenVINO raises
            raise refused(network.name, error) from error
        return OpenVinoNetwork(compiled.create_infer_request())

    def state(self) -> DeviceState:
        """Clock and load of the CPU; an integrated GPU does not tell."""
        return cpu_state() if self.kind is Kind.CPU else DeviceState()

    def _settings(self) -> dict[str, Any]:
        settings: dict[str, Any] = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": _HINTS[self._precision],
        }
        if self._n_threads is not None:
            settings["INFERENCE_NUM_THREADS"] = self._n_threads
        return settings


class OpenVinoNetwork:
    """A compiled network; a LoadedNetwork."""

    def __init__(self, request: Any) -> None:
        self._request = request

    def run(self, inputs: Inputs) -> Run:
        """Run once; an integrated GPU shares the host's memory.

        Raises:
            NetworkRefusedError: memory does not suffice, or the inputs do not fit.
        """
        start_s = time.perf_counter()
        try:
            results = self._request.infer(dict(inputs), share_inputs=True)
        except (RuntimeError, TypeError) as error:
            raise refused("these inputs", error) from error
        total_s = time.perf_counter() - start_s
        return Run(tuple(np.asarray(value) for value in results.values()), total_s, None)


def _core(name: str) -> tuple[Any, str]:
    try:
        openvino = importlib.import_module("openvino")
    except ImportError as error:
        raise DeviceAbsentError(
            f"asked for {name}", "openvino is not installed", "pip install 'joulepilot[pipeline]'"
        ) from error
    return openvino.Core(), str(openvino.__version__).partition("-")[0]


def _present(core: Any, name: str, plugin: str) -> str:
    """The plugin's name as OpenVINO lists it: a single GPU is `GPU`, not `GPU.0`."""
    seen = [str(each) for each in core.available_devices]
    for candidate in (plugin, plugin.removesuffix(".0")):
        if candidate in seen:
            return candidate
    raise DeviceAbsentError(
        f"asked for {name}",
        f"OpenVINO sees {', '.join(seen) or 'no processor'}, and no {plugin}",
        "install the processor's driver and give access to /dev/dri, or leave it out",
    )


def _with_batch(port: Any, batch: int) -> list[int]:
    sides = port.get_partial_shape()
    return [batch, *(int(s.get_length()) if s.is_static else 1 for s in list(sides)[1:])]
