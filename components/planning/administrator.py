"""What the administrator of a node says: caps, protected CPUs, hours, who is never touched."""

from __future__ import annotations

import difflib
import math
import re
import tomllib
from dataclasses import dataclass, field
from datetime import datetime, time
from typing import TYPE_CHECKING, Any

from components.node.cpuset import format_cpu_list, parse_cpu_list
from components.node.errors import CpuListError
from components.node.frequency import FrequencyWish
from components.planning.errors import AdministratorError
from components.planning.frequency_plan import frequency_wish
from components.planning.signal_plan import SignalPlan, signal_plans

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from components.node.cpuset import CpuSet
    from components.planning.signals import Quantity

NONE: CpuSet = frozenset()


@dataclass(frozen=True, slots=True)
class Weights:
    """What counts how much when deferrable work is placed; together above 0."""

    energy: float = 1.0
    """Of a joule."""
    carbon: float = 0.0
    """Of a gram."""
    cost: float = 0.0
    """Of a unit of money."""


@dataclass(frozen=True, slots=True)
class Hours:
    """From when to when joulepilot may change anything, every day, by local time."""

    begin: time
    end: time

    def holds(self, now: datetime) -> bool:
        """Whether a moment lies within; over midnight where the end is before the begin."""
        at = now.time().replace(tzinfo=None)
        if self.begin <= self.end:
            return self.begin <= at < self.end
        return at >= self.begin or at < self.end


@dataclass(frozen=True, slots=True)
class Administration:
    """Everything an administrator file may say; nothing of it is needed."""

    power_cap_w: float | None = None
    protected_cpus: CpuSet = NONE
    """CPUs no job is given."""
    never_touch: frozenset[str] = frozenset()
    """Names of containers that are left alone, whatever their labels say."""
    hours: Hours | None = None
    """None: always."""
    most_moves_per_hour: int | None = None
    """Of one job; probes count."""
    weights: Weights = field(default_factory=Weights)
    priorities: Mapping[str, int] = field(default_factory=dict)
    """Of jobs, over what their labels say."""
    signals: Mapping[Quantity, SignalPlan] = field(default_factory=dict)
    """Where price and carbon intensity are read."""
    frequency: FrequencyWish = field(default_factory=FrequencyWish)
    """What the CPUs' clocks are to be set to."""


def read_administration(path: Path, cpus: CpuSet) -> Administration:
    """Read an administrator file; one that is not there says nothing.

    Args:
        path: of the TOML.
        cpus: CPUs of the node.

    Raises:
        AdministratorError: it cannot be read, or something in it is wrong; names every line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Administration()
    except (OSError, UnicodeDecodeError) as error:
        raise _bad(path, [str(error)]) from error
    return parse_administration(text, path, cpus)


def parse_administration(text: str, path: Path, cpus: CpuSet) -> Administration:
    """Read what an administrator file says.

    Raises:
        AdministratorError: as `read_administration`.
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        last = f" (line {len(text.splitlines())})" if "end of document" in str(error) else ""
        raise _bad(path, [f"{error}{last}"]) from error
    readers: dict[str, Callable[[Any], Any]] = {**_READERS}
    readers["protected-cpus"] = lambda value: _cpus(value, cpus)
    values: dict[str, Any] = {}
    wrong = []
    for key, value in content.items():
        line = _line_of(text, key)
        read = readers.get(key)
        if read is None:
            near = difflib.get_close_matches(key, readers, n=1, cutoff=0.0)[0]
            wrong.append(f"line {line}: {key!r} is unknown; the nearest is {near!r}")
            continue
        try:
            values[key.replace("-", "_")] = read(value)
        except (ValueError, TypeError, CpuListError) as error:
            inner = getattr(error, "args", ("", ""))
            at = _line_of(text, str(inner[1])) if len(inner) > 1 and inner[1] else line
            wrong.append(f"line {at}: {key}: {inner[0] if inner else error}")
    if wrong:
        raise _bad(path, wrong)
    return Administration(**values)


def _line_of(text: str, key: str) -> int:
    """Number of the line on which a key, or a table of that name, begins; from 1."""
    pattern = re.compile(rf"\s*\[?\s*[\"']?{re.escape(key)}[\"']?\s*[\]=.]")
    lines = text.splitlines()
    return next((n for n, line in enumerate(lines, start=1) if pattern.match(line)), 1)


def _positive(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r} is no number")
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"{value} is not above 0")
    return float(value)


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{value!r} is no whole number from 1 up")
    return value


def _cpus(value: object, known: CpuSet) -> CpuSet:
    if not isinstance(value, str):
        raise TypeError(f'{value!r} is no CPU list like "0-3,8"')
    found = parse_cpu_list(value)
    if not found < known:
        raise ValueError(
            f"[{value}] has to be some, and not all, of this node's [{format_cpu_list(known)}]"
        )
    return found


def _names(value: object) -> frozenset[str]:
    if not isinstance(value, list) or not all(isinstance(name, str) and name for name in value):
        raise ValueError(f"{value!r} is no list of names")
    return frozenset(value)


def _hours(value: object) -> Hours:
    match = re.fullmatch(r"(\d\d:\d\d)-(\d\d:\d\d)", value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f'{value!r} is not written like "22:00-06:00"')
    try:
        return Hours(time.fromisoformat(match[1]), time.fromisoformat(match[2]))
    except ValueError as error:
        raise ValueError(f"{value!r}: {error}") from error


def _weights(value: object) -> Weights:
    table = _table(value, ("energy", "carbon", "cost"))
    for name, weight in table.items():
        is_number = isinstance(weight, int | float) and not isinstance(weight, bool)
        if not (is_number and 0 <= weight < math.inf):
            raise ValueError(f"{name} = {weight!r} is no weight from 0 up", name)
    if table and not any(table.values()):
        raise ValueError("all weights are 0")
    return Weights(**({"energy": 0.0} | {n: float(w) for n, w in table.items()}))


def _priorities(value: object) -> dict[str, int]:
    table = _table(value, None)
    for name, priority in table.items():
        if isinstance(priority, bool) or not isinstance(priority, int):
            raise TypeError(f"{name} = {priority!r} is no whole number", name)
    return table


def _table(value: object, known: tuple[str, ...] | None) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("it is no table")
    for name in value:
        if known is not None and name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)[0]
            raise ValueError(f"{name!r} is unknown; the nearest is {near!r}", name)
    return value


def _bad(path: Path, wrong: list[str]) -> AdministratorError:
    return AdministratorError(
        f"asked for the administrator file {path}",
        "; ".join(wrong),
        "correct it; until then what it said before holds on",
    )


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "power-cap-w": _positive,
    "protected-cpus": _names,
    "never-touch": _names,
    "hours": _hours,
    "most-moves-per-hour": _count,
    "weights": _weights,
    "priorities": _priorities,
    "signals": signal_plans,
    "frequency": frequency_wish,
}
