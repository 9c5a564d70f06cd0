import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from components.devices.device import Kind, Precision
from components.devices.errors import DeviceAbsentError, DeviceNameError, NetworkRefusedError
from components.devices.nvidia_gpu import NvidiaGpu
from components.devices.onnxruntime_cuda import BoundNetwork, OnnxRuntimeCuda
from components.devices.onnxruntime_device import OnnxRuntimeCpu
from components.devices.openvino_device import OpenVino
from components.devices.survey import open_device, survey, usual_names
from components.madeup.nvml import MadeUpGpu, MadeUpNvml
from components.policy.onnx_runtime import load_onnxruntime
from components.telemetry.sample import PowerSource


def inputs(batch: int) -> dict[str, np.ndarray]:
    values = np.random.default_rng(5).standard_normal((batch, 16), dtype=np.float32)
    return {"images": values}


@pytest.mark.parametrize("name", ["ort-1t", "openvino-1t"])
def test_a_cpu_device_runs_a_network_and_shares_the_hosts_memory(name: str, network: Path) -> None:
    device = open_device(name)
    ran = device.load(network, 3).run(inputs(3))
    assert (device.name, device.kind) == (name, Kind.CPU)
    assert ran.outputs[0].shape == (3, 4)
    assert ran.total_s > 0
    assert ran.transfer_s is None
    assert device.power is not None
    assert device.power.source is PowerSource.MODELLED
    assert {"processor", "runtime", "threads"} <= set(device.facts)


def test_all_devices_compute_the_same(network: Path) -> None:
    one, other = (
        open_device(name).load(network, 5).run(inputs(5)).outputs[0]
        for name in ("ort-1t", "openvino-1t")
    )
    np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_a_device_takes_another_network_after_the_first(network: Path, tmp_path: Path) -> None:
    device = OnnxRuntimeCpu(1)
    first = device.load(network, 1)
    assert device.load(network, 7) is first
    copy = tmp_path / "copy.onnx"
    copy.write_bytes(network.read_bytes())
    assert device.load(copy, 1) is not first


@pytest.mark.parametrize("name", ["ort-1t", "openvino-1t"])
def test_what_does_not_fit_is_refused(name: str, network: Path, tmp_path: Path) -> None:
    device = open_device(name)
    with pytest.raises(NetworkRefusedError, match="these inputs"):
        device.load(network, 2).run({"images": np.zeros((2, 17), np.float32)})
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"none")
    with pytest.raises(NetworkRefusedError, match="broken"):
        device.load(broken, 1)


def test_devices_that_are_not_there_are_reported_with_the_reason() -> None:
    found = survey(["ort-1t", "ort-1t", "openvino-1t", "igpu:7", "ort-999t"])
    assert [device.name for device in found.present] == ["ort-1t", "openvino-1t"]
    reasons = {absent.name: absent.reason for absent in found.absent}
    assert "OpenVINO sees CPU" in reasons["igpu:7"]
    assert f"may use {len(os.sched_getaffinity(0))} CPUs" in reasons["ort-999t"]


@pytest.mark.parametrize("name", ["cpu", "ort-0t", "ort-2t-bf16", "dgpu", "igpu:0-bf16"])
def test_a_name_of_no_device_is_refused_with_examples(name: str) -> None:
    with pytest.raises(DeviceNameError, match="openvino-2t"):
        open_device(name)


def test_what_is_usually_looked_for_has_a_name_that_can_be_read() -> None:
    found = survey(usual_names())
    assert {"ort-1t", "ort-1t-int8"} <= {device.name for device in found.present}
    assert len(found.present) + len(found.absent) == len(usual_names())


def test_precision_is_in_the_name_and_bf16_differs_from_fp32(network: Path) -> None:
    assert open_device("ort-1t-int8").precision is Precision.INT8
    exact = open_device("openvino-1t").load(network, 8).run(inputs(8)).outputs[0]
    device = open_device("openvino-1t-bf16")
    assert device.precision is Precision.BF16
    rough = device.load(network, 8).run(inputs(8)).outputs[0]
    np.testing.assert_allclose(exact, rough, rtol=0.1, atol=0.1)


def test_a_gpu_tells_its_clock_share_its_state_and_its_own_energy() -> None:
    idle, busy = MadeUpGpu(energy_mj=5_000), MadeUpGpu(energy_mj=70_000, sm_clock_mhz=1980)
    gpu = NvidiaGpu(0, MadeUpNvml(idle, busy))
    state = gpu.state()
    assert state.clock_share == pytest.approx(345 / 1980)
    assert state.p_state == "P8"
    before_j = gpu.energy_j()
    busy.energy_mj, idle.energy_mj = 90_000, 5_500
    assert gpu.energy_j() - before_j == pytest.approx(0.5)
    assert gpu.source is PowerSource.MEASURED
    assert gpu.product == "Made-up GPU 0"
    gpu.close()


def test_a_gpu_that_hides_its_clock_says_nothing_rather_than_a_number() -> None:
    gpu = NvidiaGpu(0, MadeUpNvml(MadeUpGpu(sm_clock_mhz=None, p_state=None)))
    state = gpu.state()
    assert (state.clock_share, state.p_state, state.awake_share) == (None, None, None)


@pytest.mark.parametrize(("p_state", "share"), [(0, 1.0), (2, 0.8), (8, 0.2), (12, 0.1)])
def test_where_the_clock_is_hidden_the_p_state_tells_how_awake_a_gpu_is(
    p_state: int, share: float
) -> None:
    gpu = NvidiaGpu(0, MadeUpNvml(MadeUpGpu(sm_clock_mhz=None, p_state=p_state)))
    assert gpu.state().awake_share == pytest.approx(share)


@pytest.mark.parametrize(
    ("nvml", "reason"),
    [
        (MadeUpNvml(has_driver=False), "Driver Not Loaded"),
        (MadeUpNvml(), "no processor"),
        (MadeUpNvml(MadeUpGpu(energy_mj=None)), "energy counter"),
        (MadeUpNvml(MadeUpGpu()), "NVML sees 1 GPUs"),
    ],
)
def test_a_gpu_that_is_not_there_is_absent_with_the_reason(nvml: MadeUpNvml, reason: str) -> None:
    with pytest.raises(DeviceAbsentError, match=reason):
        NvidiaGpu(1, nvml)


def test_a_gpu_without_a_runtime_for_it_is_absent_with_the_reason() -> None:
    if "CUDAExecutionProvider" in load_onnxruntime().get_available_providers():
        assert OnnxRuntimeCuda(0, nvml=MadeUpNvml(MadeUpGpu())).name == "dgpu:0"
    else:
        with pytest.raises(DeviceAbsentError, match="CPUExecutionProvider only"):
            OnnxRuntimeCuda(0, nvml=MadeUpNvml(MadeUpGpu()))


def test_transfers_are_timed_apart_and_change_no_result(network: Path) -> None:
    ort = load_onnxruntime()
    session = ort.InferenceSession(str(network), providers=["CPUExecutionProvider"])
    bound = BoundNetwork(session, ort, "cpu", 0)  # the host's memory stands for a GPU's
    ran = bound.run(inputs(64))
    assert ran.transfer_s is not None
    assert 0 < ran.transfer_s < ran.total_s
    np.testing.assert_array_equal(ran.outputs[0], session.run(None, inputs(64))[0])
    with pytest.raises(NetworkRefusedError, match="these inputs"):
        bound.run({"images": np.zeros((2, 17), np.float32)})


def test_openvino_is_imported_only_when_it_is_asked_for() -> None:
    probe = (
        "import json, sys; import components.devices.survey as s; s.open_device('ort-1t');"
        "print(json.dumps([m in sys.modules for m in ('openvino', 'pynvml', 'onnx', 'models')]))"
    )
    told = subprocess.run(
        [sys.executable, "-W", "error", "-c", probe], capture_output=True, text=True, check=True
    )
    assert json.loads(told.stdout) == [False, False, False, False]


def test_openvino_keeps_to_fp32_unless_asked_for_less() -> None:
    device = OpenVino("openvino-1t", "CPU", n_threads=1)
    assert device.precision is Precision.FP32
    assert device.state().load is not None
