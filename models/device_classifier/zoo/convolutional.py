"""Plain, depthwise-separable and residual convolutional networks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.inference_server.architectures import residual_block
from components.inference_server.network_draft import RESIDUAL_SCALE, NetworkDraft

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx

_WIDTHS = (64, 128, 256, 512)
_EXPANSION = 4  # of the last convolution of a bottleneck
_MOBILE_BLOCKS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1), (1024, 2))


def plain(
    name: str,
    seed: int,
    *,
    image: tuple[int, int, int],
    channels: Sequence[int],
    kernel: int = 3,
    per_stage: int = 1,
    n_out: int = 10,
) -> onnx.ModelProto:
    """Draw stages of convolutions, each stage ended by a pooling, and one dense layer."""
    draft = NetworkDraft(name, image, seed)
    before = image[0]
    for width in channels:
        for _ in range(per_stage):
            draft.convolution(before, width, kernel=kernel)
            draft.relu()
            before = width
        draft.max_pool()
    draft.global_average()
    draft.linear(before, n_out)
    return draft.model(n_out)


def mobile(
    name: str, seed: int, *, side: int, width: float, kernel: int = 3, n_out: int = 100
) -> onnx.ModelProto:
    """Draw depthwise-separable blocks over a square photo; `width` scales all channels."""
    draft = NetworkDraft(name, (3, side, side), seed)
    before = _scaled(32, width)
    draft.convolution(3, before, kernel=3, stride=2)
    draft.relu()
    for channels, stride in _MOBILE_BLOCKS:
        after = _scaled(channels, width)
        draft.convolution(before, before, kernel=kernel, stride=stride, groups=before)
        draft.relu()
        draft.convolution(before, after, kernel=1)
        draft.relu()
        before = after
    draft.global_average()
    draft.linear(before, n_out)
    return draft.model(n_out)


def inverted(
    name: str, seed: int, *, side: int, channels: int, n_blocks: int, n_out: int = 100
) -> onnx.ModelProto:
    """Draw inverted residual blocks: widened six-fold, depthwise, narrowed, and added."""
    draft = NetworkDraft(name, (3, side, side), seed)
    draft.convolution(3, channels, kernel=3, stride=2)
    draft.relu()
    wide = 6 * channels
    for _ in range(n_blocks):
        entry = draft.output
        draft.convolution(channels, wide, kernel=1)
        draft.relu()
        draft.convolution(wide, wide, kernel=3, groups=wide)
        draft.relu()
        draft.convolution(wide, channels, kernel=1, scale=RESIDUAL_SCALE)
        draft.add(entry)
    draft.global_average()
    draft.linear(channels, n_out)
    return draft.model(n_out)


def residual(
    name: str,
    seed: int,
    *,
    side: int,
    blocks: Sequence[int],
    is_bottleneck: bool = False,
    widths: Sequence[int] = _WIDTHS,
    n_out: int = 1000,
) -> onnx.ModelProto:
    """Draw a ResNet: `blocks` per stage, of two 3 by 3 convolutions or of a bottleneck each."""
    draft = NetworkDraft(name, (3, side, side), seed)
    before = widths[0]
    draft.convolution(3, before, kernel=7, stride=2)
    draft.relu()
    draft.max_pool()
    for stage, (width, n_blocks) in enumerate(zip(widths, blocks, strict=True)):
        for block in range(n_blocks):
            stride = 2 if block == 0 and stage > 0 else 1
            if is_bottleneck:
                before = _bottleneck(draft, before, width, stride)
            else:
                residual_block(draft, before, width, stride)
                before = width
    draft.global_average()
    draft.linear(before, n_out)
    return draft.model(n_out)


def _bottleneck(draft: NetworkDraft, before: int, width: int, stride: int) -> int:
    """Append 1 by 1, 3 by 3 and 1 by 1 convolutions and the sum; says the channels after."""
    entry, after = draft.output, width * _EXPANSION
    draft.convolution(before, width, kernel=1)
    draft.relu()
    draft.convolution(width, width, kernel=3, stride=stride)
    draft.relu()
    draft.convolution(width, after, kernel=1, scale=RESIDUAL_SCALE)
    branch = draft.output
    draft.output = entry
    if stride != 1 or before != after:
        draft.convolution(before, after, kernel=1, stride=stride)
    draft.add(branch)
    draft.relu()
    return after


def _scaled(channels: int, width: float) -> int:
    return max(8, int(channels * width))
