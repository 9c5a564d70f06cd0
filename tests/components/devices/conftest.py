"""A small network as a file."""

from pathlib import Path

import pytest

from components.inference_server.network_draft import NetworkDraft


@pytest.fixture
def network(tmp_path: Path) -> Path:
    draft = NetworkDraft("small", (16,), 3)
    draft.linear(16, 64)
    draft.relu()
    draft.linear(64, 4)
    path = tmp_path / "small.onnx"
    path.write_bytes(draft.model(4).SerializeToString())
    return path
