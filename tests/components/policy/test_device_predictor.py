"""The learned device that stands for a job's, and what is said of objectives never learned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from components.jobs.candidate import Candidate
from components.node.placement import Layout
from components.policy.device_brain import DeviceBrain
from components.policy.device_facts import DeviceFacts
from components.policy.device_graphs import OpenDeviceGraph, device_graph
from components.policy.device_policies import DevicePolicy, choose_device
from components.policy.device_predictor import DevicePredictor, DeviceWork
from components.policy.errors import PolicyError
from components.policy.feature_spec import FeatureSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

FEATURES = ("layers", "batch", "n_cpus", "idle_s", "is_spread", "is_smt")


def predictor(
    devices: Sequence[str], objectives: Sequence[str] = ("latency", "energy", "throughput")
) -> tuple[DevicePredictor, list[np.ndarray[Any, Any]]]:
    """One whose graphs say the device's index, and note what they were fed."""
    fed: list[np.ndarray[Any, Any]] = []

    def ask(feeds: Any) -> np.ndarray[Any, Any]:
        fed.append(feeds["features"])
        rows, n = len(feeds["features"]), len(devices)
        each = np.tile(np.arange(n, dtype=float), (rows, 1)) + feeds["shift"]
        even = np.full((rows, n), 1 / n)
        return np.hstack([each, even, even, each, np.zeros((rows, 1))])

    facts = DeviceFacts(
        devices={name: "cpu" if name[0] in "co" else "dgpu" for name in devices},
        features=tuple(FeatureSpec(name, "1", 0.0, 100.0) for name in FEATURES),
        sure_from=dict.fromkeys(objectives, 0.9),
        deciders=dict.fromkeys(objectives, "nobody"),
        source="recorded",
        n_rows=1,
    )
    graphs = {each: OpenDeviceGraph(device_graph(each), ask, len(devices)) for each in objectives}
    return DevicePredictor(DeviceBrain(facts, graphs)), fed


@pytest.mark.parametrize(
    ("devices", "device", "n_cpus", "column"),
    [
        (("ort-1t", "ort-4t", "ort-4t-int8", "dgpu:0"), "cpu", 3, "ort-4t"),
        (("ort-1t", "ort-4t", "dgpu:0"), "cpu", 1, "ort-1t"),
        (("cpu@1", "cpu@8", "dgpu"), "cpu", 64, "cpu@8"),
        (("cpu", "dgpu"), "cpu", 5, "cpu"),
        (("cpu", "dgpu"), "dgpu:0", 5, "dgpu"),
        (("cpu", "dgpu:0"), "dgpu:0", 5, "dgpu:0"),
    ],
)
def test_the_nearest_width_and_the_named_device_stand_for_a_jobs(
    devices: tuple[str, ...], device: str, n_cpus: int, column: str
) -> None:
    assert predictor(devices)[0].column(device, n_cpus) == column


def test_state_and_cpus_reach_the_graphs_in_the_order_of_the_features() -> None:
    asked, fed = predictor(("cpu", "dgpu"))
    work = DeviceWork({"layers": 7.0}, 64, 1.0, n_cpus=3, idle_s=2.5, layout=Layout.SPREAD)
    asked.expected(work)

    assert fed[0].tolist() == [[7.0, 64.0, 3.0, 2.5, 1.0, 0.0]]


def test_what_was_seen_shifts_costs_of_that_device_alone() -> None:
    asked, _ = predictor(("cpu", "dgpu"))
    work = DeviceWork({"layers": 7.0}, 1, 1.0, n_cpus=1, idle_s=0.0)
    plain = asked.expected(work).devices
    moved = asked.expected(work, {"dgpu": 1.0}).devices

    assert moved[0].latency_ms == plain[0].latency_ms
    assert moved[1].latency_ms == pytest.approx(np.e * plain[1].latency_ms)


def test_energy_that_was_never_learned_is_no_number_and_chooses_nothing() -> None:
    asked, _ = predictor(("cpu", "dgpu"), objectives=("latency", "throughput"))
    work = DeviceWork({"layers": 7.0}, 1, 1.0, n_cpus=1, idle_s=0.0)
    devices = asked.expected(work).devices

    assert all(np.isnan(each.energy_j) for each in devices)
    assert asked.sure_from("energy") == 1.0
    assert choose_device(devices, DevicePolicy.LATENCY, sure_from=0.0).device == "cpu"
    with pytest.raises(PolicyError, match="has not learned energy"):
        choose_device(devices, DevicePolicy.ENERGY, sure_from=0.9)


def test_power_of_a_candidate_grows_with_the_rate() -> None:
    asked, _ = predictor(("cpu", "dgpu"))
    work = DeviceWork({"layers": 7.0}, 1, 1.0, n_cpus=1, idle_s=0.0)
    (slow,), (fast,) = (
        asked.predict(work, rate_per_s=rate, idle_w=10.0, candidates=[Candidate(1)])
        for rate in (1.0, 5.0)
    )

    assert fast.power_w - 10.0 == pytest.approx(5 * (slow.power_w - 10.0))
    assert fast.latency_ms == slow.latency_ms


@pytest.mark.parametrize(("batch", "clock"), [(0, 1.0), (1, 0.0), (1, 1.5), (1, float("nan"))])
def test_a_batch_or_a_clock_that_cannot_be_is_refused(batch: int, clock: float) -> None:
    with pytest.raises(PolicyError):
        DeviceWork({}, batch, clock)
