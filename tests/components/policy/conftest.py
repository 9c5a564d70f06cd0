from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from components.node.topology import Topology, grid_topology
from components.policy.brain import Brain, load_brain
from components.policy.default_bundle import default_bundle

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def brain() -> Brain:
    return load_brain(default_bundle())


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A copy of the shipped bundle that may be damaged."""
    return shutil.copytree(default_bundle(), tmp_path / "bundle")


@pytest.fixture(scope="session")
def big_node() -> Topology:
    return grid_topology(sockets=2, l3_per_socket=4, cores_per_l3=8, threads_per_core=2)


@pytest.fixture(scope="session")
def tiny_node() -> Topology:
    return grid_topology(sockets=1, l3_per_socket=1, cores_per_l3=2, threads_per_core=1)
