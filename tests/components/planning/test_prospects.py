"""What jobs showed, what they could be given, and who has to be helped at once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from components.jobs.candidate import Candidate
from components.node.placement import place
from components.node.topology import grid_topology
from components.planning.joint_ledger import Window
from components.planning.joint_planner import JointPlanner
from components.planning.joint_prospects import Prospects
from components.planning.joint_views import View
from components.planning.wish import Purpose, Wish
from components.policy.brain import Brain, load_brain
from components.policy.candidates import candidates_of
from components.policy.default_bundle import default_bundle

if TYPE_CHECKING:
    from components.node.cpuset import CpuSet

NODE = grid_topology(sockets=1, l3_per_socket=4, cores_per_l3=4, threads_per_core=1)
TARGET_MS = 10.0
WIDE = Candidate(6)


@pytest.fixture(scope="module")
def brain() -> Brain:
    return load_brain(default_bundle())


class Node:
    """Two jobs that show what they are told to."""

    def __init__(self, brain: Brain) -> None:
        self.prospects = Prospects(NODE)
        self.at_s = 0.0
        self.cpus: dict[str, CpuSet] = {}
        for job in ("a", "b"):
            taken = frozenset().union(*self.cpus.values())
            self.cpus[job] = place(NODE, WIDE.n_cpus, WIDE.layout, taken=taken)
            self.prospects.admit(job, brain, candidates_of(NODE, 1, 15))

    def show(self, a_ms: float, b_ms: float, *, a: Candidate = WIDE, b: Candidate = WIDE) -> None:
        self.at_s += 10.0
        held = {
            "a": place(NODE, a.n_cpus, a.layout, taken=self.cpus["b"]),
            "b": frozenset(sorted(self.cpus["b"])[: b.n_cpus]),
        }
        power_w = 20.0 + 4.0 * sum(map(len, held.values()))
        windows = {
            job: Window(candidate, ms, 100.0, 1.0, 2.0, power_w, self.at_s)
            for job, candidate, ms in (("a", a, a_ms), ("b", b, b_ms))
        }
        self.prospects.observe(windows, held)

    def view(self, job: str) -> View:
        wish = Wish(job, Purpose.COMMIT, WIDE, self.cpus[job], is_placed=True, is_fulfilled=True)
        return View(wish, TARGET_MS, WIDE, 15)

    def is_urgent(self, job: str) -> bool:
        return self.prospects.is_urgent(self.view(job), self.at_s)


def test_who_misses_the_target_twice_in_a_row_is_urgent_whatever_was_believed(brain) -> None:
    node = Node(brain)
    for _ in range(20):
        node.show(9.7, 5.0)
    assert not node.is_urgent("a")
    node.show(10.1, 5.0)
    assert not node.is_urgent("a")  # it may be chance
    node.show(10.1, 5.0)
    assert node.is_urgent("a")
    assert not node.is_urgent("b")


def test_between_two_looks_only_who_is_urgent_is_moved(brain) -> None:
    node = Node(brain)
    for _ in range(12):
        node.show(8.0, 6.0, a=Candidate(8), b=Candidate(4))
    for _ in range(3):
        node.show(9.8, 5.0)
    planner = JointPlanner(node.prospects)

    def moved() -> set[str]:
        views = [node.view("a"), node.view("b")]
        plan = planner.plan(views, frozenset(), frozenset(), None, node.at_s)
        return {change.job for change in plan.changes}

    planner._due_s, planner._trial_due_s = node.at_s + 25.0, float("inf")
    node.show(10.3, 5.0)
    node.show(10.3, 5.0)
    assert moved() == {"a"}
    node.at_s += 60.0  # now all are looked at, and fewer CPUs are known to be enough for b
    assert "b" in moved()


def test_how_bold_a_trial_may_be_is_for_the_owner_to_say(brain) -> None:
    node = Node(brain)
    for _ in range(4):
        node.show(9.9, 8.0)

    def tried(least_chance: float) -> Candidate | None:
        views = [replace(node.view(job), least_chance=least_chance) for job in ("a", "b")]
        trial = node.prospects.trial(views, node.at_s)
        return None if trial is None else trial.wish.candidate

    assert tried(0.999) is None
    assert tried(0.05).n_cpus < WIDE.n_cpus
