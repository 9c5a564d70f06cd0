"""How results are shown in a terminal."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from components.releases.verdict import Verdict

LINE_WIDTH = 78


@contextmanager
def show_progress() -> Iterator[Callable[[int, int, str], None]]:
    """Rewrite one line of a terminal; say nothing where there is none."""
    is_terminal = sys.stderr.isatty()

    def tell(done: int, total: int, text: str) -> None:
        if is_terminal:
            line = f"{done}/{total} {text}"[:LINE_WIDTH]
            sys.stderr.write(f"\r{line:<{LINE_WIDTH}}")
            sys.stderr.flush()

    yield tell
    if is_terminal:
        sys.stderr.write(f"\r{'':<{LINE_WIDTH}}\r")


def print_verdict(verdict: Verdict) -> None:
    """Every rule of the gate, one line each."""
    print(f"gate: {'passed' if verdict.passed else 'not passed'}")
    for rule in verdict.rules:
        mark = "ok" if rule.passed else "NO"
        print(f"  {mark}  {rule.name}: {rule.found} (needed: {rule.needed})")


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Rows under their columns, aligned."""
    for line in table_lines(columns, rows):
        print(line)


def table_lines(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Align cells under their columns, two spaces apart."""
    lines = [tuple(columns), *(tuple(row) for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]
