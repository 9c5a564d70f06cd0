"""How long choosing a device takes on the node, beside a small network on the same processor."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from components.policy.device_files import open_device_files
from components.policy.onnx_runtime import open_session
from models import device_classifier
from models.device_classifier.export import export, random_inputs
from models.device_classifier.table_file import read_table
from models.device_classifier.training import train

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

SHIPPED = Path(device_classifier.__file__).parent / "tables/simulated-roofline-0-network-200.csv"
N_TIMES = 3000
MOST_TIMES_A_NETWORK = 20.0


def small_network() -> Callable[[], object]:
    """Three hidden layers of 64: 7 µs where nothing else runs."""
    rng = np.random.default_rng(0)
    weights = [
        numpy_helper.from_array(rng.normal(size=shape).astype(np.float32), f"w{i}")
        for i, shape in enumerate([(64, 64), (64, 64), (64, 64), (64, 16)])
    ]
    nodes = []
    for i in range(len(weights)):
        nodes.append(helper.make_node("MatMul", [f"x{i}", f"w{i}"], [f"m{i}"]))
        nodes.append(helper.make_node("Relu", [f"m{i}"], [f"x{i + 1}"]))
    inputs = [helper.make_tensor_value_info("x0", TensorProto.FLOAT, ["rows", 64])]
    outputs = [helper.make_tensor_value_info(f"x{len(weights)}", TensorProto.FLOAT, None)]
    graph = helper.make_graph(nodes, "small", inputs, outputs, weights)
    opsets = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    session = open_session(model.SerializeToString())
    row = {"x0": np.ones((1, 64), np.float32)}
    return lambda: session.run(None, row)


def cpu_times_us(act: Callable[[], object]) -> np.ndarray:
    """CPU time of each of many calls: what the machine does besides does not count."""
    found = np.zeros(N_TIMES)
    for i in range(N_TIMES):
        start_ns = time.thread_time_ns()
        act()
        found[i] = (time.thread_time_ns() - start_ns) / 1000.0
    return found


def test_one_decision_takes_as_long_as_few_small_networks(
    capsys: pytest.CaptureFixture[str],
) -> None:
    trained = train(read_table(SHIPPED))
    _, graphs = open_device_files(export(trained))
    row = random_inputs(trained, 1, seed=0)
    network = np.median(cpu_times_us(small_network()))
    for objective, ask in graphs.items():
        times = cpu_times_us(lambda ask=ask: ask(row))
        median, p99 = np.percentile(times, [50, 99])
        with capsys.disabled():
            sys.stdout.write(
                f"\n{objective}: {median:.0f} µs CPU a decision (p99 {p99:.0f}), "
                f"{median / network:.1f} times a small network ({network:.1f} µs)"
            )
        assert median < MOST_TIMES_A_NETWORK * network
