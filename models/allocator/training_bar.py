"""Progress of a training in a terminal: a bar for each part of it."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tqdm import tqdm  # type: ignore[import-untyped]  # it ships no types

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Progress = Callable[[int, int, str], None]


@contextmanager
def training_bar() -> Iterator[Progress | None]:
    """Draw bars while within; gives None where nobody sits at a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    bars: dict[str, tqdm] = {}

    def tell(done: int, total: int, text: str) -> None:
        if text not in bars:
            for bar in bars.values():
                bar.close()
            bars[text] = tqdm(total=total, desc=text, file=sys.stderr, leave=True)
        bars[text].update(done - bars[text].n)

    yield tell
    for bar in bars.values():
        bar.close()
