from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from components.madeup.sysfs import write_node

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from components.node.topology import Topology


@pytest.fixture
def write_root(tmp_path: Path) -> Callable[[Topology], Path]:
    """Lays out `sys` and `proc` of a node; returns the folder that holds both."""

    def write(topology: Topology) -> Path:
        write_node(
            tmp_path, topology, cpu_model="AMD EPYC 7502 32-Core Processor", governor="ondemand"
        )
        return tmp_path

    return write
