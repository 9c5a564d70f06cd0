"""The joint plan of a node of two to four CPUs, where jobs share."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from components.jobs.candidate import Candidate
from components.node.topology import grid_topology
from components.planning.joint import JointAsk, NodePower, Option, Tenant
from components.planning.joint_cap import plan_within
from components.planning.joint_plan import plan_jointly

TWO = grid_topology(sockets=1, l3_per_socket=1, cores_per_l3=2, threads_per_core=1)
FOUR = grid_topology(sockets=1, l3_per_socket=1, cores_per_l3=4, threads_per_core=1)


def job(name: str, priority: int, use: float = 0.3, n: int = 2, target_ms: float = 20.0) -> Tenant:
    """Takes 10 ms on one CPU, and as many times less on more; draws 5 W a CPU."""
    options = tuple(Option(Candidate(c), 10.0 / c, 5.0 * c, use) for c in range(1, n + 1))
    return Tenant(name, target_ms, options, TWO.ids, None, priority)


def ask(*tenants: Tenant, topology=TWO) -> JointAsk:
    return JointAsk(topology, tenants, NodePower(10.0, 2.0, 1.0))


def cpus(plan) -> dict[str, frozenset[int]]:
    return {name: allocation.cpus for name, allocation in plan.allocations.items()}


def test_who_comes_first_has_a_cpu_of_its_own_where_the_rest_would_be_too_slow_beside_it():
    busy = [job(name, priority, use=0.7) for name, priority in (("a", 1), ("b", 3), ("c", 2))]

    given = cpus(plan_jointly(ask(*busy)))

    assert given["a"] == given["c"]
    assert not given["b"] & given["a"]
    assert len(given["b"]) == 1


def test_another_priority_gives_the_cpu_to_another_job():
    busy = [job(name, priority, use=0.7) for name, priority in (("a", 9), ("b", 3), ("c", 2))]

    given = cpus(plan_jointly(ask(*busy)))

    assert not given["a"] & (given["b"] | given["c"])


def test_jobs_that_are_fast_enough_beside_each_other_share_one_cpu_and_the_other_sleeps():
    calm = [replace(job(name, 0, use=0.02), target_ms=40.0) for name in "abc"]
    given = cpus(plan_jointly(ask(*calm)))

    assert set(given.values()) == {frozenset({0})}


def test_jobs_stay_where_a_move_would_not_be_worth_its_while():
    calm = [replace(job(name, 0, use=0.02), target_ms=40.0) for name in "ab"]
    apart = [
        replace(t, current=frozenset({cpu}), candidate=Candidate(1)) for cpu, t in enumerate(calm)
    ]

    given = cpus(plan_jointly(replace(ask(*apart), move_w=0.5)))

    assert given == {"a": frozenset({0}), "b": frozenset({1})}


def test_a_power_cap_leaves_fewer_cpus_awake_and_says_who_is_short():
    tenants = [job(name, priority, use=0.9) for name, priority in (("a", 1), ("b", 2), ("c", 3))]
    free = plan_within(ask(*tenants), None)

    capped = plan_within(ask(*tenants), free.power_w - 3.0)

    assert len(frozenset().union(*cpus(free).values())) == 2
    assert len(frozenset().union(*cpus(capped).values())) == 1
    assert capped.power_w <= free.power_w - 3.0
    assert {short.job for short in capped.shorts} == {"a", "b", "c"}


def test_a_cap_that_cannot_be_kept_is_kept_as_nearly_as_can_be():
    plan = plan_within(ask(job("a", 1), job("b", 2)), 1.0)

    assert cpus(plan) == {"a": frozenset({0}), "b": frozenset({0})}


@given(
    st.lists(st.tuples(st.integers(0, 3), st.floats(0.01, 1.0)), min_size=1, max_size=5),
    st.one_of(st.none(), st.floats(1.0, 60.0)),
)
def test_every_job_has_a_cpu_and_nobody_shares_with_one_that_comes_before_all_that_share(
    drawn, cap_w
):
    tenants = [job(f"j{n}", priority, use, n=4) for n, (priority, use) in enumerate(drawn)]

    given_cpus = cpus(plan_within(ask(*tenants, topology=FOUR), cap_w))

    assert given_cpus.keys() == {t.job for t in tenants}
    assert all(one and one <= FOUR.ids for one in given_cpus.values())
    order = sorted(tenants, key=lambda t: (-t.priority, t.job))
    shares = [
        any(given_cpus[t.job] & given_cpus[o.job] for o in tenants if o is not t) for t in order
    ]
    assert shares == sorted(shares)
