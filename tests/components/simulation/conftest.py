"""A small scenario."""

from __future__ import annotations

import pytest

from components.policy.brain import Brain, load_brain
from components.policy.default_bundle import default_bundle
from components.simulation.scenario import JobsPlan, NodePlan, Scenario


@pytest.fixture(scope="session")
def brain() -> Brain:
    return load_brain(default_bundle())


@pytest.fixture
def small() -> Scenario:
    """Ten minutes of three jobs on 16 cores."""
    return Scenario(
        name="small",
        hours=1 / 6,
        node=NodePlan(sockets=2, l3_per_socket=2, cores_per_l3=4, threads_per_core=2),
        jobs=JobsPlan(n=3, share_of_cores=0.4),
    )
