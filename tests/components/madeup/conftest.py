from pathlib import Path

import pytest

from components.madeup.node import MadeUpNode, reference_node


@pytest.fixture
def start_s() -> float:
    """When made-up time begins; seconds since the epoch."""
    return 1_700_000_000.0


@pytest.fixture
def node(tmp_path: Path, start_s: float) -> MadeUpNode:
    return reference_node(tmp_path, seed=3, noise=0.003, target_ms=7.0, start_s=start_s)
