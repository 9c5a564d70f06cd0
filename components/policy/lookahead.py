"""What a probe is worth when others may follow it, and another miss ends the search.

The cheaper a candidate, the likelier it misses its target. So let all candidates at least as cheap
as g keep the target together or not at all, as likely as the likeliest of them does: that gives
a chance E(g) for every saving g, falling in g, and the mean of what can be saved is the area below
it. A probe that keeps the target leaves what lies beyond its own saving; one that misses it leaves
what other candidates promise on this side, and one miss less.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

CAPTURED = (0.0, 0.8, 0.9)
"""Share of what is left to save that is saved later, by misses that are left: 0, 1, 2 or more."""
PROBES_TO_HALF = 2.0
"""With so many probes left after this one, half of that is still saved."""
LEAST_VALUE = 1e-3
"""What a probe costs, in log power."""
_UNSURE_WORTH = 0.3
"""Of a saving that one window will not prove though the target is kept; it is proven later."""


def value_ahead(
    saving: NDArray[np.float64],
    p_feasible: NDArray[np.float64],
    p_accepted: NDArray[np.float64],
    misses_left: NDArray[np.float64],
    probes_left: NDArray[np.float64],
    candidates: NDArray[np.intp],
) -> NDArray[np.float64]:
    """Mean of what is saved by probing a candidate now and others after it.

    Args:
        saving: shape (B, C), mean saving in log power; 0 where no probe may go.
        p_feasible: shape (B, C).
        p_accepted: shape (B, C), that one more window proves it.
        misses_left: shape (B,), with how many more misses the search ends.
        probes_left: shape (B,), this one included.
        candidates: shape (B, R), those to be valued.

    Returns:
        Shape (B, R), in log power.
    """
    order = np.argsort(-saving, axis=1, kind="stable")
    falling = np.take_along_axis(saving, order, axis=1)
    chance = np.take_along_axis(np.where(saving > 0.0, p_feasible, 0.0), order, axis=1)
    chance = np.maximum.accumulate(chance, axis=1)[:, np.newaxis]
    width = (falling - np.pad(falling[:, 1:], ((0, 0), (0, 1))))[:, np.newaxis]
    place = np.argsort(order, axis=1, kind="stable")
    place = np.take_along_axis(place, candidates, axis=1)[:, :, np.newaxis]
    own, proven, gain = (
        np.take_along_axis(x, candidates, axis=1) for x in (p_feasible, p_accepted, saving)
    )
    beyond = np.arange(saving.shape[1]) < place
    own_chance = own[:, :, np.newaxis]
    if_kept = (np.where(beyond, np.minimum(chance, own_chance), 0.0) * width).sum(axis=2)
    if_missed = (np.where(beyond, 0.0, np.maximum(chance - own_chance, 0.0)) * width).sum(axis=2)
    left = np.clip(misses_left, 1, len(CAPTURED) - 1).astype(np.intp)
    after = np.maximum(probes_left - 1.0, 0.0)
    captured = np.asarray(CAPTURED) * (after / (after + PROBES_TO_HALF))[:, np.newaxis]
    here = np.arange(len(left))
    if_kept *= captured[here, left][:, np.newaxis]
    if_missed *= captured[here, left - 1][:, np.newaxis]
    now = np.minimum(proven + _UNSURE_WORTH * np.maximum(own - proven, 0.0), own) * gain
    return np.asarray(np.where(gain > 0.0, now + if_kept + if_missed, 0.0))
