from __future__ import annotations

import numpy as np
import pytest

from components.jobs.candidate import Candidate
from components.madeup.reference_node import reference_surface
from components.node.placement import Layout
from components.policy.candidates import candidates_of
from models.allocator.arena import Case


def amdahl_case(target_ms: float, *, noise: float = 0.0, n_cpus: int = 32) -> Case:
    """One layout, latency 2 + 98/n ms, power 50 + 5 n W."""
    counts = np.arange(1, n_cpus + 1)
    return Case(
        name="amdahl",
        family="made by hand",
        candidates=tuple(Candidate(int(n)) for n in counts),
        latency_ms=2.0 + 98.0 / counts,
        power_w=50.0 + 5.0 * counts,
        target_ms=target_ms,
        n_logical=n_cpus,
        n_physical=n_cpus,
        noise=noise,
        idle_w=40.0,
    )


@pytest.fixture
def make_case():
    return amdahl_case


@pytest.fixture
def layouts_case():
    """Two layouts of 16 CPUs, spread a little slower and a fifth cheaper."""
    counts = np.repeat(np.arange(1, 17), 2)
    layouts = [Layout.COMPACT, Layout.SPREAD] * 16
    is_spread = np.asarray([layout is Layout.SPREAD for layout in layouts])
    return Case(
        name="layouts",
        family="made by hand",
        candidates=tuple(Candidate(int(n), of) for n, of in zip(counts, layouts, strict=True)),
        latency_ms=100.0 / counts * np.where(is_spread, 1.01, 1.0),
        power_w=(50.0 + 5.0 * counts) * np.where(is_spread, 0.8, 1.0),
        target_ms=21.0,
        n_logical=16,
        n_physical=16,
    )


@pytest.fixture(scope="session")
def reference_case():
    """The paper's node with its target of 7 ms; all layouts."""
    surface = reference_surface()
    candidates = candidates_of(surface.topology)
    return Case(
        name="reference",
        family="reference",
        candidates=candidates,
        latency_ms=surface.latency_ms(candidates),
        power_w=surface.power_w(candidates),
        target_ms=7.0,
        n_logical=surface.topology.n_logical,
        n_physical=surface.topology.n_physical,
        topology=surface.topology,
        utilization=surface.response.utilization(surface.table.of(candidates)),
    )
