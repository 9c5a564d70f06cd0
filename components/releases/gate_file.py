"""The gate's rules as a file: what a person may read, and loosen or tighten, in one place."""

from __future__ import annotations

import tomllib
from dataclasses import fields, replace
from importlib.resources import files
from typing import TYPE_CHECKING

from components.releases.errors import GateFileError
from components.releases.gate import GateSettings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NAME = "gate.toml"
ADVISABLE = (
    "violations against champion",
    "violations against all CPUs",
    "violations against the best static device",
    "regret against champion",
    "bad cases against champion",
    "power against all CPUs",
    "energy against the best static device",
    "data checked",
    "evaluated on unseen data",
    "bundle size",
)
"""Rules that may be made to advise only; the others say whether there is anything to judge."""


def gate_settings(home: Path) -> GateSettings:
    """How strict the gate of a home is: its `gate.toml` over the shipped one.

    Raises:
        GateFileError: the file cannot be read, or has a key, a value or a rule there is none of.
    """
    shipped = read_gate_file(files("components.releases").joinpath(NAME).read_text(), NAME)
    path = home / NAME
    try:
        text = path.read_text()
    except FileNotFoundError:
        return shipped
    except (OSError, UnicodeDecodeError) as error:
        raise _bad(str(path), f"it cannot be read: {error}") from error
    return read_gate_file(text, str(path), shipped)


def read_gate_file(text: str, where: str, over: GateSettings | None = None) -> GateSettings:
    """Read strictly; keys left out keep the value they have in `over`.

    Raises:
        GateFileError: a key, a value or a rule there is none of.
    """
    try:
        content: Mapping[str, object] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _bad(where, f"it is no TOML: {error}") from error
    known = {field.name for field in fields(GateSettings)}
    for key in content:
        if key not in known:
            raise _bad(where, f"there is no key {key!r}; there are {', '.join(sorted(known))}")
    settings = over or GateSettings()
    return replace(
        settings,
        min_cases=_whole(content, "min_cases", settings.min_cases, where),
        margin=_share(content, settings.margin, where),
        max_bundle_bytes=_whole(content, "max_bundle_bytes", settings.max_bundle_bytes, where),
        advisory=_rules(content, settings.advisory, where),
    )


def _whole(content: Mapping[str, object], key: str, default: int, where: str) -> int:
    value = content.get(key, default)
    if type(value) is not int or value < 1:
        raise _bad(where, f"{key} is {value!r}, not a whole number above 0")
    return value


def _share(content: Mapping[str, object], default: float, where: str) -> float:
    value = content.get("margin", default)
    if type(value) not in {int, float} or not 0.0 <= float(str(value)) <= 1.0:
        raise _bad(where, f"margin is {value!r}, not a number from 0 to 1")
    return float(str(value))


def _rules(content: Mapping[str, object], default: tuple[str, ...], where: str) -> tuple[str, ...]:
    value = content.get("advisory", default)
    if not isinstance(value, (list, tuple)):
        raise _bad(where, f"advisory is {value!r}, not a list of rules")
    for name in value:
        if name not in ADVISABLE:
            raise _bad(where, f"{name!r} cannot only advise; these can: {', '.join(ADVISABLE)}")
    return tuple(map(str, value))


def _bad(where: str, found: str) -> GateFileError:
    return GateFileError(
        f"asked for the gate's rules in {where}", found, f"mend it; the shipped {NAME} says all"
    )
