from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.node.errors import PlacementError
from components.node.placement import Layout, distinct_layouts, layout_of, place, preference
from components.node.topology import Topology, grid_topology

EPYC = grid_topology(sockets=2, l3_per_socket=4, cores_per_l3=4, threads_per_core=2)

topologies = st.builds(
    grid_topology,
    sockets=st.integers(1, 3),
    l3_per_socket=st.integers(1, 3),
    cores_per_l3=st.integers(1, 4),
    threads_per_core=st.integers(1, 2),
)
layouts = st.sampled_from(Layout)


def _taken(data: st.DataObject, topology: Topology) -> frozenset[int]:
    ids = sorted(topology.ids)
    return data.draw(st.frozensets(st.sampled_from(ids), max_size=len(ids) - 1))


@given(topologies, layouts)
def test_a_preference_names_every_cpu_once(topology: Topology, layout: Layout) -> None:
    assert sorted(preference(topology, layout)) == sorted(topology.ids)


@given(st.data(), topologies, layouts)
def test_n_free_cpus_are_given_and_never_taken_ones(
    data: st.DataObject, topology: Topology, layout: Layout
) -> None:
    taken = _taken(data, topology)
    n_cpus = data.draw(st.integers(1, topology.n_logical - len(taken)))
    current = data.draw(st.frozensets(st.sampled_from(sorted(topology.ids))))
    cpus = place(topology, n_cpus, layout, taken=taken, current=current)
    assert len(cpus) == n_cpus
    assert cpus <= topology.ids - taken


@given(st.data(), topologies, layouts)
def test_growing_keeps_the_old_set_and_shrinking_stays_within_it(
    data: st.DataObject, topology: Topology, layout: Layout
) -> None:
    taken = _taken(data, topology)
    sizes = st.integers(1, topology.n_logical - len(taken))
    small, large = sorted((data.draw(sizes), data.draw(sizes)))
    few = place(topology, small, layout, taken=taken)
    many = place(topology, large, layout, taken=taken)
    assert few <= place(topology, large, layout, taken=taken, current=few)
    assert place(topology, small, layout, taken=taken, current=many) <= many


@given(st.data(), topologies, layouts)
def test_on_an_untouched_node_the_preferred_cpus_are_given(
    data: st.DataObject, topology: Topology, layout: Layout
) -> None:
    n_cpus = data.draw(st.integers(1, topology.n_logical))
    assert place(topology, n_cpus, layout) == frozenset(preference(topology, layout)[:n_cpus])


@given(st.data(), topologies, layouts)
def test_asking_again_moves_nothing(
    data: st.DataObject, topology: Topology, layout: Layout
) -> None:
    n_cpus = data.draw(st.integers(1, topology.n_logical))
    cpus = place(topology, n_cpus, layout)
    assert place(topology, n_cpus, layout, current=cpus) == cpus
    assert layout_of(topology, cpus) is not None


def test_compact_fills_an_l3_group_before_it_opens_the_next() -> None:
    assert preference(EPYC, Layout.COMPACT)[:20] == tuple(range(20))
    assert preference(EPYC, Layout.COMPACT)[32] == 32


def test_spread_opens_sockets_then_l3_groups_then_cores_then_siblings() -> None:
    first = [EPYC.by_id[cpu] for cpu in preference(EPYC, Layout.SPREAD)]
    assert [cpu.socket for cpu in first[:4]] == [0, 1, 0, 1]
    assert len({cpu.l3 for cpu in first[:8]}) == 8
    assert len({cpu.core for cpu in first[:32]}) == 32
    assert {cpu.thread for cpu in first[:32]} == {0}


def test_smt_takes_a_core_with_its_siblings() -> None:
    order = [EPYC.by_id[cpu] for cpu in preference(EPYC, Layout.SMT)]
    assert all(a.core == b.core for a, b in zip(order[::2], order[1::2], strict=True))
    assert [a.l3 <= b.l3 for a, b in pairwise(order)].count(False) == 0


def test_cpus_are_kept_where_others_would_be_no_better() -> None:
    current = frozenset({4, 5, 6, 7})
    assert place(EPYC, 4, Layout.COMPACT, current=current) == current


def test_keeping_cpus_does_not_unbalance_a_spread() -> None:
    on_one_socket = frozenset({0, 4, 8})
    cpus = place(EPYC, 4, Layout.SPREAD, current=on_one_socket)
    assert sorted(EPYC.by_id[cpu].socket for cpu in cpus) == [0, 0, 1, 1]


@pytest.mark.parametrize("n_cpus", [-1, 0, 62])
def test_more_than_is_free_or_less_than_one_is_refused(n_cpus: int) -> None:
    with pytest.raises(PlacementError, match="61 of 64 are free"):
        place(EPYC, n_cpus, Layout.COMPACT, taken=frozenset({0, 1, 2}))


def test_layouts_that_give_the_same_cpus_are_named_once() -> None:
    flat = grid_topology(sockets=1, l3_per_socket=1, cores_per_l3=2, threads_per_core=1)
    assert distinct_layouts(flat, 1) == (Layout.COMPACT,)
    assert distinct_layouts(EPYC, 64) == (Layout.COMPACT,)
    assert distinct_layouts(EPYC, 2) == (Layout.COMPACT, Layout.SPREAD, Layout.SMT)


def test_a_set_of_no_layout_is_told_apart() -> None:
    assert layout_of(EPYC, frozenset({0, 32})) is Layout.SMT
    assert layout_of(EPYC, frozenset({1, 40}), taken=frozenset({0})) is None
    assert layout_of(EPYC, frozenset({1, 2}), taken=frozenset({0})) is Layout.COMPACT
    assert layout_of(EPYC, frozenset({4, 5, 6, 7})) is Layout.COMPACT
    assert layout_of(EPYC, frozenset()) is None
    assert layout_of(EPYC, frozenset({0, 99})) is None
    assert layout_of(EPYC, frozenset({0, 1}), taken=frozenset({0})) is None
