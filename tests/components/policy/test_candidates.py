from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.jobs.candidate import Candidate
from components.node.placement import distinct_layouts
from components.node.topology import grid_topology
from components.policy.candidates import MAX_COUNTS, candidates_of
from components.policy.errors import PolicyError

_NODES = st.builds(
    grid_topology,
    sockets=st.integers(1, 2),
    l3_per_socket=st.integers(1, 4),
    cores_per_l3=st.integers(1, 8),
    threads_per_core=st.integers(1, 2),
)


@given(_NODES)
def test_candidates_are_every_number_in_every_layout_that_makes_a_difference(topology):
    expected = [
        Candidate(n, layout)
        for n in range(1, topology.n_logical + 1)
        for layout in distinct_layouts(topology, n)
    ]
    assert list(candidates_of(topology)) == expected


@given(_NODES, st.data())
def test_candidates_keep_within_the_jobs_limits(topology, data):
    least = data.draw(st.integers(1, topology.n_logical))
    most = data.draw(st.integers(least, topology.n_logical + 5))
    counts = {c.n_cpus for c in candidates_of(topology, least, most)}
    assert min(counts) == least
    assert max(counts) == min(most, topology.n_logical)


def test_a_node_of_two_cpus_has_two_candidates(tiny_node):
    assert candidates_of(tiny_node) == (Candidate(1), Candidate(2))


def test_large_nodes_are_thinned_but_keep_all_cpus_and_all_physical_cores():
    topology = grid_topology(sockets=2, l3_per_socket=12, cores_per_l3=8, threads_per_core=2)
    counts = sorted({c.n_cpus for c in candidates_of(topology)})
    assert len(counts) <= MAX_COUNTS
    assert counts[:64] == list(range(1, 65))
    assert {192, 384} <= set(counts)
    assert max(b / a for a, b in pairwise(counts[63:])) < 1.1


@pytest.mark.parametrize("limits", [(0, 2), (3, 2), (3, None)])
def test_limits_that_leave_nothing_are_refused(tiny_node, limits):
    with pytest.raises(PolicyError, match="this node has 2"):
        candidates_of(tiny_node, *limits)
