"""A job on a made-up node whose server holds three versions of its network."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from components.actuation.hint import read_hint_text
from components.actuation.hint_journal import HintJournal
from components.actuation.journal import Journal
from components.executor.bundle_shelf import BundleShelf
from components.executor.device_desk import DeviceDesk
from components.executor.explain import explain
from components.executor.follow import ReleaseFollower
from components.executor.jobs_in_charge import JobsInCharge
from components.executor.loop import Executor
from components.executor.madeup_ports import ports_of
from components.executor.ports import KeptEvents
from components.executor.settings import ExecutorSettings
from components.executor.state import StateStore
from components.jobs.live_overrides import LiveOverrides
from components.madeup.job import MadeUpJob
from components.madeup.node import REFERENCE_IDLE_W, MadeUpNode, job_labels
from components.madeup.reference_node import ReferenceResponse, reference_table
from components.madeup.state import NodeCharacter
from components.madeup.variants import MadeUpVariants
from components.policy.default_bundle import default_bundle

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SETTINGS = ExecutorSettings(window_s=4.0, min_requests=50, confirm_windows=2, holdback_share=0.0)
QUALITIES = "default:0.76,int8:0.75,tiny:0.60"
SLOWNESS = {"int8": 0.6, "tiny": 0.2}


class Rig:
    """The node and its executor."""

    def __init__(self, home: Path, **labels: str) -> None:
        self.hints = home / "hints"
        self.hints.mkdir()
        said = {"hint-dir": str(self.hints), "variants": QUALITIES} | labels
        job = MadeUpJob(
            name="web",
            response=ReferenceResponse(),
            rate_per_s=50.0,
            labels=job_labels(15.0, model="resnet")
            | {f"joulepilot.{key}": value for key, value in said.items()},
        )
        character = NodeCharacter(reference_table().topology, REFERENCE_IDLE_W, 3, 0.002)
        self.node = MadeUpNode(home / "node", character, [job], name="ref")
        self.server = MadeUpVariants(self.node, job, self.hints, SLOWNESS)
        ports = replace(ports_of(self.node, "ref"), served_devices=lambda *_: self.server)
        store = StateStore(home / "state.json")
        self.published = KeptEvents()
        self.executor = Executor(
            ports,
            publisher=self.published,
            journal=Journal(home / "journal.json"),
            store=store,
            in_charge=JobsInCharge(home / "jobs.toml", LiveOverrides(home / "overrides.json")),
            following=ReleaseFollower(
                "ref",
                ports.identity.node_class,
                None,
                store,
                BundleShelf(home / "bundles"),
                shipped=default_bundle(),
            ),
            settings=SETTINGS,
            devices=DeviceDesk(ports, HintJournal(home / "hints.json")),
            seed=7,
        )

    @property
    def job(self):
        return self.executor.roster.runs["web"]

    def run_until(self, is_so: Callable[[], bool], within_s: float = 600.0) -> None:
        for _ in range(round(within_s)):
            self.executor.tick()
            if is_so():
                return
            self.node.clock.sleep(1.0)
        pytest.fail(f"not so within {within_s} s: {self.executor.heartbeat()}")

    def is_decided(self) -> bool:
        job = self.executor.variants._jobs.get("web")
        return job is not None and job.is_decided and not job.is_under_way


def test_the_faster_version_that_is_good_enough_is_found_and_needs_fewer_cpus(tmp_path):
    rig = Rig(tmp_path, **{"min-quality": "0.7"})
    rig.run_until(lambda: settled(rig))
    before = len(rig.job.in_force.cpus)

    rig.run_until(rig.is_decided)
    rig.run_until(lambda: rig.server.variant == "int8" and settled(rig))

    used = {sample.variant for sample in rig.published.samples}
    assert len(rig.job.in_force.cpus) < before
    assert rig.node.true_latency_ms("web") <= 15.0
    assert used == {"default", "int8"}  # never below the least quality
    assert "version: int8; on the same CPUs" in explain(rig.job, rig.executor).text
    rig.executor.stop()
    assert read_hint_text(rig.hints) == ""


def test_a_version_that_gains_nothing_is_left_again(tmp_path):
    rig = Rig(tmp_path, variants="default:0.76,slow:0.75")
    rig.server._slowness["slow"] = 1.3

    rig.run_until(rig.is_decided)
    rig.run_until(lambda: rig.server.variant == "default")

    assert {sample.variant for sample in rig.published.samples} == {"default", "slow"}
    assert not rig.job.is_on_trial


def test_a_version_below_the_least_quality_is_left_at_once(tmp_path):
    rig = Rig(tmp_path, **{"min-quality": "0.755", "variants": "default:0.6,int8:0.76"})

    rig.run_until(lambda: rig.server.variant == "int8", within_s=30)

    assert "default" not in {s.variant for s in list(rig.published.samples)[2:]}


def test_in_recommend_no_version_is_switched(tmp_path):
    rig = Rig(tmp_path, mode="recommend")

    for _ in range(60):
        rig.executor.tick()
        rig.node.clock.sleep(1.0)

    assert rig.server.variant == "default"
    assert read_hint_text(rig.hints) == ""


def settled(rig: Rig) -> bool:
    return "web" in rig.executor.roster.runs and rig.job.decision.phase == "settled"
