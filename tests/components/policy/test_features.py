from __future__ import annotations

import dataclasses

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from components.node.topology import Topology, grid_topology
from components.policy.candidates import candidates_of
from components.policy.features import CANDIDATE_FEATURES, candidate_features


def test_features_lie_within_their_stated_ranges(big_node):
    features = candidate_features(big_node, candidates_of(big_node))
    low = [spec.low for spec in CANDIDATE_FEATURES]
    high = [spec.high for spec in CANDIDATE_FEATURES]
    assert features.shape == (len(candidates_of(big_node)), len(CANDIDATE_FEATURES))
    assert (features >= low).all()
    assert (features <= high).all()


@given(st.permutations(range(8)), st.permutations(range(4)), st.permutations(range(2)))
def test_permuting_equal_cpus_changes_nothing(ids, cores, sockets):
    topology = grid_topology(sockets=2, l3_per_socket=1, cores_per_l3=2, threads_per_core=2)
    renumbered = Topology(
        tuple(
            sorted(
                (
                    dataclasses.replace(
                        cpu,
                        id=ids[cpu.id],
                        core=cores[cpu.core],
                        socket=sockets[cpu.socket],
                        l3=sockets[cpu.l3],
                        numa_node=sockets[cpu.numa_node],
                    )
                    for cpu in topology.cpus
                ),
                key=lambda cpu: cpu.id,
            )
        )
    )
    candidates = candidates_of(topology)
    np.testing.assert_array_equal(
        candidate_features(topology, candidates), candidate_features(renumbered, candidates)
    )


def test_the_layouts_of_a_node_with_two_sockets_look_different(big_node):
    candidates = [c for c in candidates_of(big_node) if c.n_cpus == 16]
    assert len(candidates) == 3
    assert len(np.unique(candidate_features(big_node, candidates), axis=0)) == 3
