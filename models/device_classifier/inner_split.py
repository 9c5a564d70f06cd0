"""Parts of the training rows on which candidates are compared.

The parts are the table's own folds, so that candidates are compared on the question the table
asks: where its folds keep groups apart, the parts do; where it deals single rows (networks seen
before), so do the parts. With too few folds left, groups are dealt over parts of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from models.device_classifier.table import DeviceTable, IntArray

FEWEST_PARTS = 3


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Rows learned from and rows judged, both inside the training folds of one outer fold.

    `key` names the rows learned from: equal keys, equal rows.
    """

    key: tuple[int, ...]
    learned: IntArray
    judged: IntArray


def inner_parts(table: DeviceTable, fold: int | None, seed: int) -> tuple[Part, ...]:
    """Split the rows outside of `fold`; no part ever holds a row of it. None: split all rows."""
    every = np.arange(len(table.folds))
    outside = every if fold is None else np.flatnonzero(table.folds != fold)
    others = sorted(set(table.folds[outside].tolist()))
    if len(others) >= FEWEST_PARTS:
        return tuple(
            Part(
                key=tuple(sorted({int(other)} if fold is None else {fold, int(other)})),
                learned=outside[table.folds[outside] != other],
                judged=outside[table.folds[outside] == other],
            )
            for other in others
        )
    labels = _dealt(table.groups[outside], seed)
    return tuple(
        Part(
            key=(-1 if fold is None else fold, -2 - int(label)),
            learned=outside[labels != label],
            judged=outside[labels == label],
        )
        for label in np.unique(labels)
    )


def _dealt(groups: np.ndarray, seed: int) -> IntArray:
    names, index = np.unique(groups, return_inverse=True)
    if len(names) == 1:  # nothing to keep apart
        names, index = np.arange(len(groups)), np.arange(len(groups))
    order = np.random.default_rng(seed).permutation(len(names))
    return np.asarray((order % FEWEST_PARTS)[index], dtype=np.int64)
