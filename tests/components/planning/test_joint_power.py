"""The node's power is told apart into its parts by windows alone."""

from __future__ import annotations

import numpy as np
import pytest

from components.node.topology import grid_topology
from components.planning.joint_power import PowerModel

NODE = grid_topology(sockets=2, l3_per_socket=4, cores_per_l3=4, threads_per_core=2)


def test_before_the_first_window_nothing_is_known() -> None:
    assert not PowerModel(NODE).is_known


def test_parts_are_learned_from_windows_of_many_kinds() -> None:
    rng = np.random.default_rng(0)
    model = PowerModel(NODE)
    ids = sorted(NODE.ids)
    for _ in range(400):
        n = int(rng.integers(1, 64))
        held = frozenset(ids[:n]) if rng.random() < 0.5 else frozenset(rng.permutation(ids)[:n])
        places = [NODE.by_id[int(cpu)] for cpu in held]
        cores, groups = {p.core for p in places}, {p.l3 for p in places}
        sockets = {p.socket for p in places}
        busy = float(rng.uniform(0.1, 1.0)) * n
        power_w = 60 + 9 * len(sockets) + 2 * len(groups) + 3 * len(cores) + 1.5 * busy
        model.observe(held, busy, power_w * float(np.exp(rng.normal(0, 0.002))))
    assert model.node.socket_w == pytest.approx(9, abs=2.5)
    assert model.node.l3_w == pytest.approx(2, abs=1.0)
    core_w, both_w = (
        float(model.own_w(np.asarray([c]), np.asarray([0.0]), np.asarray([b]))[0])
        for c, b in ((1.0, 0.0), (1.0, 1.0))
    )
    assert core_w == pytest.approx(3, abs=0.4)
    assert both_w == pytest.approx(4.5, abs=0.4)


def test_no_part_is_ever_negative() -> None:
    model = PowerModel(NODE)
    model.observe(frozenset({0}), 0.1, 200.0)
    model.observe(NODE.ids, 60.0, 100.0)
    parts = (model.node.base_w, model.node.socket_w, model.node.l3_w)
    own_w = model.own_w(np.asarray([8.0]), np.asarray([8.0]), np.asarray([16.0]))
    assert min(*parts, float(own_w[0])) >= 0.0
