"""From which probability on a choice is sure: chosen inside the training folds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from models.device_classifier.table import BoolArray, FloatArray

WANTED = 0.99  # share of sure choices that is to be right
UNSEEN = 1  # wrong choice more than was seen: the least of many thresholds is partly luck
LEAST, MOST = 0.7, 0.95


def sure_from(p: FloatArray, is_right: BoolArray) -> float:
    """The least threshold above which choices [N] were right often enough, one wrong added.

    Args:
        p: calibrated probabilities of choices on rows not learned from.
        is_right: whether each was the best.
    """
    for threshold in np.arange(LEAST, MOST, 0.01):
        above = is_right[p >= threshold]
        if above.sum() >= WANTED * (len(above) + UNSEEN):
            return float(round(threshold, 2))
    return MOST
