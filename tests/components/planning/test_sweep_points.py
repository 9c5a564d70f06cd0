"""Which points a sweep tries."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from components.node.cpuset import format_cpu_list
from components.node.placement import Layout
from components.node.topology import grid_topology
from components.planning.reserve import usable_cpus
from components.planning.sweep_points import sweep_points, thin

TWO = grid_topology(sockets=1, l3_per_socket=1, cores_per_l3=2, threads_per_core=1)
BIG = grid_topology(sockets=2, l3_per_socket=2, cores_per_l3=4, threads_per_core=2)


def test_two_jobs_on_two_cpus_have_four_joint_points():
    points = sweep_points(TWO, {"a": (1, 2), "b": (1, 2)})

    texts = [tuple(format_cpu_list(p[job].cpus) for job in ("a", "b")) for p in points]
    assert texts == [("0-1", "0-1"), ("0-1", "0"), ("0", "0-1"), ("0", "1")]


def test_one_job_gets_every_count_in_every_layout_that_differs():
    points = [point["a"] for point in sweep_points(BIG, {"a": (1, 31)})]

    assert {p.candidate.n_cpus for p in points} == set(range(1, len(usable_cpus(BIG)) + 1))
    assert {p.candidate.layout for p in points} == set(Layout)
    assert len({(p.candidate.n_cpus, p.cpus) for p in points}) == len(points)


def test_one_layout_only_gives_each_count_once():
    points = sweep_points(BIG, {"a": (2, 9)}, layout=Layout.SPREAD)

    assert [p["a"].candidate.n_cpus for p in points] == list(range(9, 1, -1))
    assert {p["a"].candidate.layout for p in points} == {Layout.SPREAD}


def test_joint_points_of_a_larger_node_never_overlap():
    points = sweep_points(BIG, {"a": (1, 31), "b": (1, 31)}, n_points=40)

    assert 30 <= len(points) <= 40
    assert not any(point["a"].cpus & point["b"].cpus for point in points)


@given(st.lists(st.integers(), min_size=1, max_size=50), st.integers(1, 60))
def test_thinning_keeps_order_and_both_ends(items, n):
    kept = thin(items, n)

    assert len(kept) == min(n, len(items))
    assert kept[0] == items[0]
    assert n == 1 or kept[-1] == items[-1]
    rest = iter(items)
    assert all(item in rest for item in kept)
