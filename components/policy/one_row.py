"""A graph asked for one row through memory that stays where it is: a tenth less time."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from components.policy.graphs import Feeds


class OneRow:
    """Asks a graph of doubles with two inputs and one output; other than one row as they come.

    Args:
        session: of ONNX Runtime; its memory is planned for one row, the first it is asked for.
        widths: of its inputs [B, width], by name.
        output: its name; `n_columns` it has.
    """

    def __init__(
        self, session: Any, widths: Mapping[str, int], output: str, n_columns: int
    ) -> None:
        self._session, self._output, self._lock = session, output, Lock()
        (self._one, self._other) = widths
        self._row = np.zeros((1, widths[self._one])), np.zeros((1, widths[self._other]))
        self._shapes = self._row[0].shape, self._row[1].shape
        self._found = np.zeros((1, n_columns))
        self._binding = session.io_binding()
        for name, row in zip(widths, self._row, strict=True):
            self._binding.bind_input(name, "cpu", 0, np.float64, row.shape, row.ctypes.data)
        where = (self._found.shape, self._found.ctypes.data)
        self._binding.bind_output(output, "cpu", 0, np.float64, *where)

    def __call__(self, feeds: Feeds) -> NDArray[np.float64]:
        """What the graph gives, [B, n_columns]."""
        one, other = feeds[self._one], feeds[self._other]
        if (one.shape, other.shape) != self._shapes or not one.dtype == other.dtype == np.float64:
            (found,) = self._session.run([self._output], dict(feeds))
            return np.asarray(found)
        with self._lock:
            self._row[0][:], self._row[1][:] = one, other
            self._session.run_with_iobinding(self._binding)
            return self._found.copy()
