"""The drill's bad policy: made by damage, stopped by the gate, rolled back by the node."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
import pytest

from components.actuation.journal import Journal
from components.executor.followed import Followed
from components.executor.jobs_in_charge import JobsInCharge
from components.executor.loop import Executor
from components.executor.madeup_ports import ports_of
from components.executor.ports import KeptEvents
from components.executor.settings import ExecutorSettings
from components.executor.state import StateStore
from components.jobs.live_overrides import LiveOverrides
from components.madeup.node import REFERENCE_RATE_PER_S, reference_node
from components.madeup.reference_node import reference_surface
from components.policy.brain import load_brain
from components.policy.candidates import candidates_of
from components.policy.default_bundle import default_bundle
from components.policy.recorded import JobKey
from components.releases.gate_file import ADVISABLE, NAME
from components.settings.settings import resolve
from flows.drill.judging import Judging
from flows.drill.policies import (
    MEASURED,
    TARGETS_MS,
    joined_upside_down,
    train_damaged,
)
from models.allocator.surfaces import Point, Surface

SETTINGS = ExecutorSettings(window_s=4.0, min_requests=50, confirm_windows=2, holdback_share=0.0)


def test_a_join_upside_down_keeps_every_value_and_puts_it_at_the_opposite_cpus():
    frame = pd.DataFrame(
        {"arm": ["sweep", "policy", "sweep", "sweep"], "n_cpus": [2, 2, 8, 1]}
        | {"layout": "compact", "window_start": [0, 1, 2, 3]}
        | {name: [5.0, 9.0, 2.0, 7.0] for name in MEASURED}
    )
    damaged = joined_upside_down(frame)
    for name in MEASURED:
        pairs = dict(zip(damaged["n_cpus"], damaged[name], strict=True))
        assert pairs == {1: 2.0, 2: 5.0, 8: 7.0}


def damaged_surface() -> Surface:
    truth = reference_surface(7.0)
    every = candidates_of(truth.topology)
    picked = [every[i] for i in np.linspace(0, len(every) - 1, 48).round().astype(int)]
    candidates = sorted(set(picked))
    latency_ms = np.asarray(truth.latency_ms(candidates))[::-1]
    power_w = np.asarray(truth.power_w(candidates))[::-1]
    points = tuple(
        Point(c, float(ms), float(w), 2, 2.0)
        for c, ms, w in zip(candidates, latency_ms, power_w, strict=True)
    )
    job = JobKey("night", "simulated/resnet", "resnet", 1, "mean")
    return Surface("night", job, "made-up", truth.topology, points, (), (), TARGETS_MS, 0.005)


@pytest.fixture(scope="module")
def bad_bundle(tmp_path_factory):
    out = tmp_path_factory.mktemp("bad")
    train_damaged([damaged_surface()], default_bundle(), out, seed=0, progress=lambda *_: None)
    return out


@dataclass
class Following:
    followed: Followed
    rejected: list[str] = field(default_factory=list)

    def current(self) -> Followed:
        return self.followed

    def reject(self, digest: str, reason: str) -> None:
        self.rejected.append(digest)

    def roll_back(self) -> str:
        raise AssertionError("nobody asks for this")


@pytest.mark.slow
def test_the_gate_stops_it_unless_it_is_loosened(bad_bundle, tmp_path):
    settings = resolve({"home": tmp_path}, environment={}, file=tmp_path / "none").settings
    judging = Judging(settings, default_bundle(), n_cases=40)
    scored = judging.score(bad_bundle)

    strict = judging.verdict(scored, data_checked=True, lake_version=1)
    assert {rule.name for rule in strict.failures} & {
        "regret against champion", "bad cases against champion", "power against all CPUs",
        "violations against champion",
    }  # fmt: skip

    rules = ", ".join(f'"{name}"' for name in ADVISABLE)
    (tmp_path / NAME).write_text(f"advisory = [{rules}]\n")
    assert judging.verdict(scored, data_checked=True, lake_version=1).passed


@pytest.mark.slow
def test_a_node_rolls_it_back_by_itself_once_the_load_rises(bad_bundle, tmp_path):
    good, bad = load_brain(default_bundle()), load_brain(bad_bundle)
    node = reference_node(tmp_path / "node", seed=1)
    following = Following(Followed(brain=good))
    executor = Executor(
        ports_of(node, "night"),
        publisher=KeptEvents(most=10_000),
        journal=Journal(tmp_path / "journal.json"),
        store=StateStore(tmp_path / "state.json"),
        in_charge=JobsInCharge(tmp_path / "jobs.toml", LiveOverrides(tmp_path / "overrides")),
        following=following,
        settings=SETTINGS,
        seed=1,
    )

    def run_until(is_so, most_s):
        for _ in range(most_s):
            if is_so():
                return
            executor.tick()
            node.clock.sleep(1.0)
        pytest.fail(f"not so within {most_s} s: {executor.heartbeat()}")

    runs = executor.roster.runs
    run_until(lambda: "resnet" in runs and runs["resnet"].decision.phase == "settled", 400)
    following.followed = replace(following.followed, challenger=bad)
    run_until(lambda: executor.arms.comparison.n_pairs >= 2, 1000)
    node.set_rate("resnet", 1.3 * REFERENCE_RATE_PER_S)
    run_until(lambda: following.rejected, 4000)

    assert following.rejected == [bad.digest]
