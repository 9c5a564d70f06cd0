"""Images for requests without any, so that a load generator is cheap."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class RandomImages:
    """Seeded standard-normal images; image k is the same in every batch."""

    def __init__(self, image_shape: tuple[int, ...], seed: int) -> None:
        self._image_shape = image_shape
        self._seed = seed
        self._mutex = threading.Lock()
        self._images = self._draw(1)

    def batch(self, n_images: int) -> NDArray[np.float32]:
        """Give the first n images as [n, ...image shape]; not to be written to."""
        with self._mutex:
            if n_images > len(self._images):
                self._images = self._draw(n_images)
            return self._images[:n_images]

    def _draw(self, n_images: int) -> NDArray[np.float32]:
        shape = (n_images, *self._image_shape)
        images = np.random.default_rng(self._seed).standard_normal(shape, dtype=np.float32)
        images.flags.writeable = False
        return images
