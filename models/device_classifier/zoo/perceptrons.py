"""Fully connected networks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.inference_server.network_draft import NetworkDraft

if TYPE_CHECKING:
    import onnx


def layered(
    name: str, seed: int, *, n_in: int, width: int, n_layers: int, n_out: int = 10
) -> onnx.ModelProto:
    """Draw `n_layers` hidden layers of one width over a row of numbers."""
    draft = NetworkDraft(name, (n_in,), seed)
    before = n_in
    for _ in range(n_layers):
        draft.linear(before, width)
        draft.relu()
        before = width
    draft.linear(before, n_out)
    return draft.model(n_out)
