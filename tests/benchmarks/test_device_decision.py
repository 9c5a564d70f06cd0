"""How long choosing a device takes on the node, beside a graph that does nothing."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from onnx import TensorProto, helper

from components.policy.device_brain import DeviceBrain
from components.policy.device_files import open_device_files
from components.policy.device_graphs import PACKED
from components.policy.onnx_runtime import open_session
from models import device_classifier
from models.device_classifier.export import export, random_inputs
from models.device_classifier.table_file import read_table
from models.device_classifier.training import train

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

SHIPPED = Path(device_classifier.__file__).parent / "tables/simulated-roofline-0-network-200.csv"
N_TIMES = 3000
MOST_TIMES_NOTHING = 8.0


@pytest.fixture
def one_cpu() -> Iterator[int]:
    """Every call on the same CPU, as on a node whose executor has one."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    yield min(before)
    os.sched_setaffinity(0, before)


def nothing(row: Mapping[str, np.ndarray]) -> Callable[[], object]:
    """A graph of the same inputs and one output that does nothing: what asking alone takes."""
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.DOUBLE, ["rows", value.shape[1]])
        for name, value in row.items()
    ]
    nodes = [helper.make_node("Identity", [next(iter(row))], [PACKED])]
    outputs = [helper.make_tensor_value_info(PACKED, TensorProto.DOUBLE, None)]
    graph = helper.make_graph(nodes, "nothing", inputs, outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    session = open_session(model.SerializeToString())
    return lambda: session.run([PACKED], dict(row))


def times_us(act: Callable[[], object]) -> tuple[np.ndarray, np.ndarray]:
    """Elapsed and CPU time of each of many calls; other processes add to the first alone."""
    elapsed, used = np.zeros(N_TIMES), np.zeros(N_TIMES)
    for i in range(N_TIMES):
        start_ns, start_cpu_ns = time.perf_counter_ns(), time.thread_time_ns()
        act()
        used[i] = (time.thread_time_ns() - start_cpu_ns) / 1000.0
        elapsed[i] = (time.perf_counter_ns() - start_ns) / 1000.0
    return elapsed, used


def test_one_decision_takes_as_long_as_few_askings_of_nothing(
    one_cpu: int, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> None:
    trained = train(read_table(SHIPPED))
    facts, graphs = open_device_files(export(trained))
    brain = DeviceBrain(facts, graphs)
    row = random_inputs(trained, 1, seed=0)
    acts = {"nothing": nothing(row)}
    acts |= {name: lambda ask=ask: ask.columns(row) for name, ask in graphs.items()}
    acts |= {
        f"advice on {name}": lambda name=name: brain.forecast(name, **row).advice(0)
        for name in graphs
    }
    if request.config.getoption("benchmark_disable"):  # among other tests no time means anything
        answers = [answer for ask in graphs.values() for answer in ask(row).values()]
        assert all(np.isfinite(answer).all() for answer in answers)
        return
    quick = {}  # a tenth of the calls: those that no other process has slowed down
    for name, act in acts.items():
        elapsed, used = (np.percentile(each, [50, 99, 10]) for each in times_us(act))
        quick[name] = used[2]
        with capsys.disabled():
            sys.stdout.write(
                f"\n{name}: {elapsed[0]:.0f} µs (p99 {elapsed[1]:.0f}), of CPU {used[0]:.0f} µs "
                f"(p99 {used[1]:.0f}), on CPU {one_cpu}"
            )
    floor = quick.pop("nothing")
    assert max(quick[name] for name in graphs) < MOST_TIMES_NOTHING * floor
