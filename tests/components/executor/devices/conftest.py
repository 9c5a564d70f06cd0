"""An executor on the made-up node with three devices, with a classifier that knows the host."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from components.actuation.hint_journal import HintJournal
from components.actuation.journal import Journal
from components.executor.device_correction import NodeCorrection
from components.executor.device_desk import DeviceDesk
from components.executor.errors import NothingToRollBackError
from components.executor.followed import Followed
from components.executor.jobs_in_charge import JobsInCharge
from components.executor.loop import Executor
from components.executor.madeup_ports import ports_of
from components.executor.ports import KeptEvents
from components.executor.settings import ExecutorSettings
from components.executor.state import StateStore
from components.jobs.live_overrides import LiveOverrides
from components.madeup.devices.network import MadeUpNetwork
from components.madeup.devices.node import DeviceNode, device_node
from components.madeup.devices.roofline_host import RooflineHost
from components.madeup.devices.table import FEATURES, NETWORK_FEATURES
from components.policy.device_brain import DeviceBrain
from components.policy.device_bundle import DeviceClassifier
from components.policy.device_facts import DeviceFacts
from components.policy.device_graphs import OpenDeviceGraph, device_graph
from components.policy.device_manifest import DeviceBundle
from components.policy.feature_spec import FeatureSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from components.executor.job_run import JobRun

SETTINGS = ExecutorSettings(window_s=4.0, min_requests=50, confirm_windows=2)
DEVICES = {"cpu@4": "cpu", "cpu@8": "cpu", "igpu": "igpu", "dgpu": "dgpu"}


class HostKnower:
    """Asks the made-up host itself, as graphs would be asked; `wrong` scales what it says."""

    def __init__(self, seed: int = 0, wrong: dict[str, float] | None = None, p: float = 0.99):
        self._host = RooflineHost(seed)
        self._wrong = wrong or {}
        self._p = p

    def graph(self, objective: str) -> OpenDeviceGraph:
        def ask(feeds: Mapping[str, Any]) -> np.ndarray:
            costs = np.array([self._costs(objective, row) for row in feeds["features"]])
            logs = np.log(costs) + feeds["shift"]
            best = np.argmin(logs, axis=1)
            p = np.full(logs.shape, (1.0 - self._p) / (logs.shape[1] - 1))
            p[np.arange(len(best)), best] = self._p
            loss = np.exp(logs - logs.min(axis=1, keepdims=True)) - 1.0
            sigma = np.full(logs.shape, 0.02)
            return np.hstack([logs, sigma, p, loss, np.zeros((len(logs), 1))])

        return OpenDeviceGraph(device_graph(objective), ask, len(DEVICES))

    def _costs(self, objective: str, row: np.ndarray) -> list[float]:
        known = dict(zip(FEATURES, row.tolist(), strict=True))
        network = MadeUpNetwork("n", "n", **{name: known[name] for name in NETWORK_FEATURES})
        found = []
        for device in DEVICES:
            clock = known["clock_share"] if device == "dgpu" else 1.0
            cost = self._host.parts(network, int(known["batch"]), device, clock).cost
            value = {
                "latency": cost.latency_ms,
                "energy": cost.energy_j,
                "throughput": 1.0 / cost.throughput_per_s,
            }[objective]
            found.append(value * self._wrong.get(device, 1.0))
        return found


def classifier(knower: HostKnower, digest: str = "d" * 64) -> DeviceClassifier:
    objectives = ("latency", "energy", "throughput")
    facts = DeviceFacts(
        devices=DEVICES,
        features=tuple(FeatureSpec(name, "1", 0.0, 1e9) for name in FEATURES),
        sure_from=dict.fromkeys(objectives, 0.9),
        deciders=dict.fromkeys(objectives, "the host itself"),
        source="simulated",
        n_rows=1,
    )
    bundle = DeviceBundle(
        name="simulated devices", node_classes=("*",), source="simulated", accounting="marginal",
        lake_version=None, table="none", evaluation_set="", git_commit="", metrics={}, files={},
    )  # fmt: skip
    graphs = {objective: knower.graph(objective) for objective in objectives}
    return DeviceClassifier(bundle, digest, DeviceBrain(facts, graphs))


@dataclass
class Following:
    """What the release log asks, said outright."""

    followed: Followed = field(default_factory=Followed)

    def current(self) -> Followed:
        return self.followed

    def roll_back(self) -> str:
        raise NothingToRollBackError("asked", "one classifier decides", "release another")


@dataclass
class DeviceRig:
    """A node, its executor, and what it follows."""

    node: DeviceNode
    home: Path
    following: Following = field(default_factory=Following)
    published: KeptEvents = field(default_factory=KeptEvents)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Start an executor, as after a crash: whatever an earlier one left is there."""
        self.ports = replace(ports_of(self.node, "dev"), served_devices=self.node.served_devices)
        self.hints = HintJournal(self.home / "hints.json")
        self.desk = DeviceDesk(
            self.ports, self.hints, NodeCorrection(self.home / "tuning.json", self.node.clock.now_s)
        )
        self.overrides = LiveOverrides(self.home / "overrides.json")
        self.executor = Executor(
            self.ports,
            publisher=self.published,
            journal=Journal(self.home / "journal.json"),
            store=StateStore(self.home / "state.json"),
            in_charge=JobsInCharge(self.home / "jobs.toml", self.overrides),
            following=self.following,
            settings=SETTINGS,
            devices=self.desk,
        )

    def follow(self, knower: HostKnower, digest: str = "d" * 64) -> None:
        self.following.followed = Followed(devices=classifier(knower, digest))

    @property
    def job(self) -> JobRun:
        return self.executor.roster.runs["digits"]

    @property
    def device(self) -> str:
        """What the server says, not what the executor believes."""
        return self.node.server.read().in_force

    @property
    def told(self) -> str:
        runs = self.executor.runs
        return "\n".join(self.desk.explain(runs[0])) if runs else ""

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds)):
            self.executor.tick()
            self.node.clock.sleep(1.0)

    def run_until(self, is_so: Callable[[], bool], within_s: float = 300.0) -> None:
        for _ in range(round(within_s)):
            if is_so():
                return
            self.run(1)
        pytest.fail(f"not so within {within_s} s: {self.told}")


@pytest.fixture
def rig(tmp_path: Path) -> DeviceRig:
    return DeviceRig(device_node(tmp_path / "node", seed=0, noise=0.002), tmp_path)


@pytest.fixture
def follow() -> Callable[..., None]:
    """Have a rig follow a classifier that knows the host, but for what is said to be wrong."""

    def say(
        rig: DeviceRig,
        *,
        wrong: dict[str, float] | None = None,
        p: float = 0.99,
        digest: str = "d" * 64,
    ) -> None:
        rig.follow(HostKnower(wrong=wrong, p=p), digest)

    return say
