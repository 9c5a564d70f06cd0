"""What the demo says, and when."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from flows.cli.printing import table_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Narrator:
    """Prints headings with the time since the start, facts below them, and tables."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._start = time.monotonic()

    def heading(self, letter: str, text: str) -> None:
        """Begin a part of the story."""
        minutes, seconds = divmod(int(time.monotonic() - self._start), 60)
        self._say(f"\n[{minutes}:{seconds:02d}] ({letter}) {text}")

    def fact(self, text: str) -> None:
        """Say one thing that was just seen."""
        self._say(f"       {text}")

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Show rows under their columns, aligned."""
        for line in table_lines(columns, rows):
            self._say(f"       {line}")
