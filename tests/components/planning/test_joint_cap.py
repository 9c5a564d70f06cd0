"""A power cap: who comes last gives way first, and is told by how much."""

from __future__ import annotations

from components.jobs.candidate import Candidate
from components.node.topology import grid_topology
from components.planning.joint import JointAsk, NodePower, Option, Tenant
from components.planning.joint_cap import plan_within
from components.planning.reserve import reserved_cpus

NODE = grid_topology(sockets=2, l3_per_socket=2, cores_per_l3=4, threads_per_core=2)
OPTIONS = tuple(Option(Candidate(n), 40.0 / n, 4.0 * n) for n in range(1, 13))


def ask_of(*priorities: int) -> JointAsk:
    jobs = tuple(
        Tenant(f"p{priority}", 10.0, OPTIONS, frozenset(), None, priority)
        for priority in priorities
    )
    return JointAsk(NODE, jobs, NodePower(40.0, 5.0, 1.0), barred=reserved_cpus(NODE))


def test_below_the_cap_nobody_is_short() -> None:
    plan = plan_within(ask_of(1, 2, 3), 200.0)
    assert plan.shorts == ()
    assert plan == plan_within(ask_of(1, 2, 3), None)


def test_under_a_cap_the_last_gives_way_as_little_as_it_must() -> None:
    free = plan_within(ask_of(1, 2, 3), None)
    capped = plan_within(ask_of(1, 2, 3), free.power_w - 7.0)
    assert capped.power_w <= free.power_w - 7.0
    assert [s.job for s in capped.shorts] == ["p1"]
    assert capped.allocations["p1"].candidate.n_cpus == 2
    assert capped.allocations["p3"].candidate.n_cpus == 4


def test_a_cap_that_cannot_be_kept_is_kept_as_nearly_as_can_be() -> None:
    plan = plan_within(ask_of(1, 2, 3), 10.0)
    assert {s.job for s in plan.shorts} == {"p1", "p2", "p3"}
    assert all(a.candidate.n_cpus == 1 for a in plan.allocations.values())
