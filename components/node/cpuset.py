"""CPU lists as the kernel writes them (`0-3,8,10-11`) and as sets."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING

from components.node.errors import CpuListError

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_CPU = 8191  # the largest CONFIG_NR_CPUS that distributions build, less one
_RANGE = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")

CpuSet = frozenset[int]


@lru_cache(maxsize=1024)
def parse_cpu_list(text: str) -> CpuSet:
    """Read a Linux CPU list; the empty text is the empty set.

    Raises:
        CpuListError: the text is no CPU list, a range runs backwards, or a number is too large.
    """
    stripped = text.strip()
    if not stripped:
        return frozenset()
    cpus: set[int] = set()
    for part in stripped.split(","):
        match = _RANGE.fullmatch(part.strip())
        if match is None:
            raise _bad(text, f"{part!r} is neither a number nor a range")
        first = int(match[1])
        last = int(match[2] or match[1])
        if last < first:
            raise _bad(text, f"the range {part!r} runs backwards")
        if last > MAX_CPU:
            raise _bad(text, f"{last} is above the largest CPU number {MAX_CPU}")
        cpus.update(range(first, last + 1))
    return frozenset(cpus)


def format_cpu_list(cpus: Iterable[int]) -> str:
    """Write a set the way the kernel does: ascending, neighbours joined to ranges."""
    ordered = sorted(set(cpus))
    if ordered and ordered[0] < 0:
        raise _bad(str(ordered), f"{ordered[0]} is negative")
    runs = []
    for _, group in groupby(enumerate(ordered), key=lambda pair: pair[1] - pair[0]):
        run = [cpu for _, cpu in group]
        runs.append(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}")
    return ",".join(runs)


def _bad(text: str, found: str) -> CpuListError:
    return CpuListError(
        f"asked for the CPU list {text!r}", found, "write it like the kernel does: 0-3,8,10-11"
    )
