"""`NAME.json` beside a recorded sweep: what was measured, where, and which targets are asked of it.

| key | is |
|---|---|
| `node_class`, `model` | names |
| `batch_size` | images a request, from 1 |
| `latency_unit` | `image` or `batch`: what one latency, and one target, is of |
| `latency_statistic` | `mean`, `p95`, … |
| `n_logical`, `n_physical` | logical CPUs and physical cores of the node |
| `sockets`, `l3_groups`, `idle_w` | may be missing or null |
| `source` | `recorded`, `composed` or `simulated` |
| `targets_ms` | a list, in the unit of the latencies |

Every other key is kept as it is.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from components.jobs.values import nearest
from models.allocator.errors import RecordingError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

UNITS = ("image", "batch")
SOURCES = ("recorded", "composed", "simulated")
_FORMAT = "see `joulepilot allocator evaluate --help` for the keys, and mend or remove the file"


@dataclass(frozen=True, slots=True)
class Sidecar:
    """What is known of a recorded sweep beside its rows."""

    node_class: str
    model: str
    batch_size: int
    latency_unit: str
    latency_statistic: str
    n_logical: int
    n_physical: int
    source: str
    targets_ms: tuple[float, ...]
    """In the unit of the latencies, as written: a whole number stays one."""
    sockets: int | None = None
    l3_groups: int | None = None
    idle_w: float | None = None
    further: Mapping[str, object] | None = None
    """Keys that mean nothing here."""


def read_sidecar(path: Path) -> Sidecar:
    """Read and check a sidecar.

    Raises:
        RecordingError: it cannot be read, is no JSON object, lacks a key, or a value cannot be.
    """
    content = _parsed(path)
    known = {field.name for field in fields(Sidecar)} - {"further"}
    reader = _Reader(path, content)
    sidecar = Sidecar(
        node_class=reader.word("node_class"),
        model=reader.word("model"),
        batch_size=reader.count("batch_size"),
        latency_unit=reader.one_of("latency_unit", UNITS),
        latency_statistic=reader.word("latency_statistic"),
        n_logical=reader.count("n_logical"),
        n_physical=reader.count("n_physical"),
        source=reader.one_of("source", SOURCES),
        targets_ms=reader.targets("targets_ms"),
        sockets=reader.count("sockets") if reader.has("sockets") else None,
        l3_groups=reader.count("l3_groups") if reader.has("l3_groups") else None,
        idle_w=reader.positive_or_0("idle_w") if reader.has("idle_w") else None,
        further={key: value for key, value in content.items() if key not in known},
    )
    for name in ("n_physical", "sockets", "l3_groups"):
        most = sidecar.n_logical if name == "n_physical" else sidecar.n_physical
        if (getattr(sidecar, name) or 0) > most:
            raise reader.refusal(f"{name} is {getattr(sidecar, name)}, of {most} at most")
    return sidecar


def _parsed(path: Path) -> dict[str, object]:
    asked = f"asked for the sidecar {path}"
    try:
        content = json.loads(
            path.read_text(encoding="utf-8-sig"),
            object_pairs_hook=_without_doubles,
            parse_constant=_no_constant,
        )
    except OSError as error:
        remedy = "put it beside the CSV of the same name, or remove that"
        raise RecordingError(asked, f"it cannot be read: {error}", remedy) from error
    except (ValueError, RecursionError) as error:
        raise RecordingError(asked, f"it is no strict JSON: {error}", _FORMAT) from error
    if not isinstance(content, dict):
        raise RecordingError(asked, "it holds no JSON object", _FORMAT)
    return content


def _without_doubles(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ValueError("an object names a key twice")
    return content


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is no number")


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads values by key and says which one cannot be."""

    path: Path
    content: Mapping[str, object]

    def refusal(self, found: str) -> RecordingError:
        return RecordingError(f"asked for the sidecar {self.path}", found, _FORMAT)

    def has(self, key: str) -> bool:
        return self.content.get(key) is not None

    def value(self, key: str) -> object:
        if key not in self.content:
            raise self.refusal(f"it has no {key}")
        return self.content[key]

    def word(self, key: str) -> str:
        value = self.value(key)
        if not isinstance(value, str) or not value.strip():
            raise self.refusal(f"{key} is {value!r}, no text")
        return value

    def one_of(self, key: str, known: Sequence[str]) -> str:
        word = self.word(key)
        if word not in known:
            raise self.refusal(
                f"{key} is {word!r}, none of {', '.join(known)}; "
                f"the nearest is {nearest(word, known)!r}"
            )
        return word

    def count(self, key: str) -> int:
        value = self.number(key)
        if value < 1 or value != int(value):
            raise self.refusal(f"{key} is {value}, no whole number from 1")
        return int(value)

    def positive_or_0(self, key: str) -> float:
        value = self.number(key)
        if value < 0:
            raise self.refusal(f"{key} is {value}, below 0")
        return value

    def number(self, key: str) -> float:
        return self._finite(key, self.value(key))

    def targets(self, key: str) -> tuple[float, ...]:
        values = self.value(key)
        if not isinstance(values, list):
            raise self.refusal(f"{key} is {values!r}, no list")
        targets = tuple(self._finite(f"an entry of {key}", value) for value in values)
        bad = [target for target in targets if target <= 0]
        if bad:
            raise self.refusal(f"{key} holds {bad[0]}, which is not above 0")
        return targets

    def _finite(self, what: str, value: object) -> float:
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not math.isfinite(value)
        ):
            raise self.refusal(f"{what} is {value!r}, no finite number")
        return value
