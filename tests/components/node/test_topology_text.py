"""A topology survives being written down."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.node.errors import TopologyError
from components.node.topology import grid_topology
from components.node.topology_text import topology_from_text, topology_text


@given(st.integers(1, 4), st.integers(1, 8), st.integers(1, 8), st.integers(1, 4))
def test_a_regular_node_is_read_back(sockets: int, groups: int, cores: int, threads: int) -> None:
    topology = grid_topology(
        sockets=sockets, l3_per_socket=groups, cores_per_l3=cores, threads_per_core=threads
    )
    assert topology_from_text(topology_text(topology)) == topology


def test_it_is_short_enough_to_read() -> None:
    topology = grid_topology(sockets=2, l3_per_socket=1, cores_per_l3=2, threads_per_core=2)
    assert topology_text(topology) == "0,4 1,5 | 2,6 3,7"


@pytest.mark.parametrize("text", ["", "  ", "a", "0,,1", "0 0", "-1", "٣", "0;1"])
def test_what_is_no_topology_is_refused(text: str) -> None:
    with pytest.raises(TopologyError):
        topology_from_text(text)
