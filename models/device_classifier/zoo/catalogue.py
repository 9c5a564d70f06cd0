"""The networks of the zoo by name."""

from __future__ import annotations

import difflib
import zlib
from functools import partial
from typing import TYPE_CHECKING

from models.device_classifier.errors import NetworkError
from models.device_classifier.zoo.attention import encoder
from models.device_classifier.zoo.convolutional import inverted, mobile, plain, residual
from models.device_classifier.zoo.perceptrons import layered

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import onnx

    Builder = Callable[[str, int], onnx.ModelProto]

NETWORKS: Mapping[str, Builder] = {
    "mlp-16-32x1": partial(layered, n_in=16, width=32, n_layers=1, n_out=4),
    "mlp-16-64x2": partial(layered, n_in=16, width=64, n_layers=2, n_out=4),
    "mlp-64-64x3": partial(layered, n_in=64, width=64, n_layers=3),
    "mlp-64-128x16": partial(layered, n_in=64, width=128, n_layers=16),
    "mlp-64-256x2": partial(layered, n_in=64, width=256, n_layers=2),
    "mlp-128-512x2": partial(layered, n_in=128, width=512, n_layers=2),
    "mlp-128-512x8": partial(layered, n_in=128, width=512, n_layers=8),
    "mlp-256-1024x1": partial(layered, n_in=256, width=1024, n_layers=1),
    "mlp-512-4096x2": partial(layered, n_in=512, width=4096, n_layers=2),
    "mlp-784-128x1": partial(layered, n_in=784, width=128, n_layers=1),
    "mlp-784-512x2": partial(layered, n_in=784, width=512, n_layers=2),
    "mlp-784-1024x3": partial(layered, n_in=784, width=1024, n_layers=3),
    "mlp-784-2048x2": partial(layered, n_in=784, width=2048, n_layers=2),
    "mlp-3072-1024x1": partial(layered, n_in=3072, width=1024, n_layers=1, n_out=1000),
    "conv-28-8-16": partial(plain, image=(1, 28, 28), channels=(8, 16)),
    "conv-28-32-64": partial(plain, image=(1, 28, 28), channels=(32, 64)),
    "conv-32-16-32-64": partial(plain, image=(3, 32, 32), channels=(16, 32, 64)),
    "conv-32-vgg": partial(plain, image=(3, 32, 32), channels=(64, 128, 256), per_stage=2),
    "conv-32-deep": partial(plain, image=(3, 32, 32), channels=(32, 32), per_stage=6),
    "conv-32-5x5": partial(plain, image=(3, 32, 32), channels=(32, 64), kernel=5),
    "conv-32-1x1": partial(plain, image=(3, 32, 32), channels=(128, 256), kernel=1, per_stage=3),
    "conv-64-32-64-128": partial(plain, image=(3, 64, 64), channels=(32, 64, 128)),
    "conv-96-24-48": partial(plain, image=(3, 96, 96), channels=(24, 48), per_stage=2),
    "conv-128-vgg": partial(
        plain, image=(3, 128, 128), channels=(32, 64, 128, 256), per_stage=2, n_out=100
    ),
    "mobile-025-96": partial(mobile, side=96, width=0.25),
    "mobile-050-96": partial(mobile, side=96, width=0.5),
    "mobile-050-160": partial(mobile, side=160, width=0.5),
    "mobile-100-128": partial(mobile, side=128, width=1.0),
    "mobile-100-224": partial(mobile, side=224, width=1.0, n_out=1000),
    "mobile-050-96-5x5": partial(mobile, side=96, width=0.5, kernel=5),
    "inverted-16x4": partial(inverted, side=64, channels=16, n_blocks=4),
    "inverted-32x6": partial(inverted, side=96, channels=32, n_blocks=6),
    "resnet20-32": partial(
        residual, side=32, blocks=(3, 3, 3), widths=(16, 32, 64), n_out=10
    ),
    "resnet18-64": partial(residual, side=64, blocks=(2, 2, 2, 2), n_out=200),
    "resnet18-224": partial(residual, side=224, blocks=(2, 2, 2, 2)),
    "resnet34-96": partial(residual, side=96, blocks=(3, 4, 6, 3)),
    "resnet34-224": partial(residual, side=224, blocks=(3, 4, 6, 3)),
    "resnet50-96": partial(residual, side=96, blocks=(3, 4, 6, 3), is_bottleneck=True),
    "resnet50-224": partial(residual, side=224, blocks=(3, 4, 6, 3), is_bottleneck=True),
    "encoder-16x64x1": partial(encoder, n_tokens=16, width=64, n_heads=2, n_blocks=1),
    "encoder-32x128x2": partial(encoder, n_tokens=32, width=128, n_heads=4, n_blocks=2),
    "encoder-64x256x2": partial(encoder, n_tokens=64, width=256, n_heads=4, n_blocks=2),
    "encoder-64x512x2": partial(encoder, n_tokens=64, width=512, n_heads=8, n_blocks=2),
    "encoder-128x256x4": partial(encoder, n_tokens=128, width=256, n_heads=8, n_blocks=4),
    "encoder-196x192x4": partial(encoder, n_tokens=196, width=192, n_heads=3, n_blocks=4),
    "encoder-256x128x1": partial(encoder, n_tokens=256, width=128, n_heads=4, n_blocks=1),
}  # fmt: skip


def build(name: str) -> onnx.ModelProto:
    """Draw a network; the same name gives the same weights.

    Raises:
        NetworkError: the zoo has none of this name.
    """
    require_known((name,))
    return NETWORKS[name](name, zlib.crc32(name.encode()))


def require_known(names: Sequence[str]) -> None:
    """Stop at a name that is none of the zoo's.

    Raises:
        NetworkError: the zoo has none of this name.
    """
    for name in names:
        if name not in NETWORKS:
            near = difflib.get_close_matches(name, NETWORKS, n=3, cutoff=0.0)
            raise NetworkError(
                f"asked for the network {name!r}",
                f"it is no .onnx file, and none of the {len(NETWORKS)} networks of the zoo",
                f"perhaps one of {', '.join(near)} was meant",
            )
