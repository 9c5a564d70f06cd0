"""Transformer encoders."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from components.inference_server.network_draft import RESIDUAL_SCALE, NetworkDraft

if TYPE_CHECKING:
    import onnx

_LAST_AXIS = -1
_HEAD_ORDERS = {"query": (0, 2, 1, 3), "key": (0, 2, 3, 1), "value": (0, 2, 1, 3)}
_FEED_FORWARD = 4  # times as wide as the tokens


class _TokenDraft(NetworkDraft):
    """Appends what a transformer is made of, over [batch, tokens, values]."""

    def __init__(self, name: str, n_tokens: int, width: int, seed: int) -> None:
        super().__init__(name, (n_tokens, width), seed)
        self._n_tokens = n_tokens
        self._width = width

    def project(self, n_in: int, n_out: int, *, scale: float = 1.0) -> str:
        """Append a dense layer on every token, and name its output."""
        values = self._random.standard_normal((n_in, n_out), dtype=np.float32)
        weights = self._keep(values * np.float32(scale / np.sqrt(n_in)))
        self._append("MatMul", [self.output, weights])
        return self.output

    def normalise(self) -> None:
        """Append a normalisation of every token."""
        ones = self._keep(np.ones(self._width, dtype=np.float32))
        self._append("LayerNormalization", [self.output, ones], axis=_LAST_AXIS)

    def attend(self, n_heads: int) -> None:
        """Append self-attention in `n_heads` heads."""
        entry = self.output
        heads = {}
        for part, order in (
            ("query", (0, 2, 1, 3)),
            ("key", (0, 2, 3, 1)),
            ("value", (0, 2, 1, 3)),
        ):
            self.output = entry
            self.project(self._width, self._width)
            self._reshape(0, self._n_tokens, n_heads, self._width // n_heads)
            self._append("Transpose", [self.output], perm=list(order))
            heads[part] = self.output
        self._append("MatMul", [heads["query"], heads["key"]])
        shrink = self._keep(np.full((1,), (n_heads / self._width) ** 0.5, dtype=np.float32))
        self._append("Mul", [self.output, shrink])
        self._append("Softmax", [self.output], axis=_LAST_AXIS)
        self._append("MatMul", [self.output, heads["value"]])
        self._append("Transpose", [self.output], perm=[0, 2, 1, 3])
        self._reshape(0, self._n_tokens, self._width)
        self.project(self._width, self._width, scale=RESIDUAL_SCALE)

    def feed_forward(self) -> None:
        """Append two dense layers, wide in between."""
        self.project(self._width, self._width * _FEED_FORWARD)
        self.relu()
        self.project(self._width * _FEED_FORWARD, self._width, scale=RESIDUAL_SCALE)

    def mean_token(self) -> None:
        """Append the mean over all tokens."""
        self._append("ReduceMean", [self.output], axes=[1], keepdims=0)

    def _reshape(self, *shape: int) -> None:
        from onnx import numpy_helper

        name = f"shape_{len(self._nodes)}"
        self._weights.append(numpy_helper.from_array(np.array(shape, dtype=np.int64), name))
        self._append("Reshape", [self.output, name])


def encoder(
    name: str, seed: int, *, n_tokens: int, width: int, n_heads: int, n_blocks: int, n_out: int = 10
) -> onnx.ModelProto:
    """Draw blocks of attention and feed-forward layers, the mean token, and one dense layer."""
    draft = _TokenDraft(name, n_tokens, width, seed)
    for _ in range(n_blocks):
        entry = draft.output
        draft.normalise()
        draft.attend(n_heads)
        draft.add(entry)
        entry = draft.output
        draft.normalise()
        draft.feed_forward()
        draft.add(entry)
    draft.mean_token()
    draft.linear(width, n_out)
    return draft.model(n_out)
