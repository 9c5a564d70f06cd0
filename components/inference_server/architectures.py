"""The networks of the reference job, layer by layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.inference_server.network_draft import RESIDUAL_SCALE, NetworkDraft

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx

PHOTO = (3, 224, 224)
THUMBNAIL = (3, 32, 32)
N_CLASSES = 1000

# (channels, stride) of each depthwise-separable block of MobileNet v1
_MOBILENET_BLOCKS = (
    *((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)),
    *((512, 1),) * 5,
    *((1024, 2), (1024, 1)),
)
_RESNET_STAGES = ((64, 1), (128, 2), (256, 2), (512, 2))
_BLOCKS_PER_STAGE = 2


def perceptron(name: str, hidden: Sequence[int], n_classes: int, seed: int) -> onnx.ModelProto:
    """Draw fully connected layers over a 32 by 32 image."""
    draft = NetworkDraft(name, THUMBNAIL, seed)
    draft.flatten()
    n_in = THUMBNAIL[0] * THUMBNAIL[1] * THUMBNAIL[2]
    for n_out in hidden:
        draft.linear(n_in, n_out)
        draft.relu()
        n_in = n_out
    draft.linear(n_in, n_classes)
    return draft.model(n_classes)


def mobilenet(seed: int) -> onnx.ModelProto:
    """Draw MobileNet v1 (width 1.0) over a 224 by 224 image."""
    draft = NetworkDraft("mobilenet", PHOTO, seed)
    channels = 32
    draft.convolution(PHOTO[0], channels, kernel=3, stride=2)
    draft.relu()
    for out_channels, stride in _MOBILENET_BLOCKS:
        draft.convolution(channels, channels, kernel=3, stride=stride, groups=channels)
        draft.relu()
        draft.convolution(channels, out_channels, kernel=1)
        draft.relu()
        channels = out_channels
    draft.global_average()
    draft.linear(channels, N_CLASSES)
    return draft.model(N_CLASSES)


def resnet18(seed: int) -> onnx.ModelProto:
    """Draw ResNet-18 over a 224 by 224 image."""
    draft = NetworkDraft("resnet18", PHOTO, seed)
    channels = 64
    draft.convolution(PHOTO[0], channels, kernel=7, stride=2)
    draft.relu()
    draft.max_pool()
    for out_channels, stage_stride in _RESNET_STAGES:
        for block in range(_BLOCKS_PER_STAGE):
            residual_block(draft, channels, out_channels, stage_stride if block == 0 else 1)
            channels = out_channels
    draft.global_average()
    draft.linear(channels, N_CLASSES)
    return draft.model(N_CLASSES)


def residual_block(draft: NetworkDraft, in_channels: int, out_channels: int, stride: int) -> None:
    """Append two convolutions and the sum with what went into them."""
    entry = draft.output
    draft.convolution(in_channels, out_channels, kernel=3, stride=stride)
    draft.relu()
    draft.convolution(out_channels, out_channels, kernel=3, scale=RESIDUAL_SCALE)
    branch = draft.output
    draft.output = entry
    if stride != 1 or in_channels != out_channels:
        draft.convolution(in_channels, out_channels, kernel=1, stride=stride)
    draft.add(branch)
    draft.relu()
