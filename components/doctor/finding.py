"""One thing that was looked at, what is true of it, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How much it matters."""

    OK = "ok"
    ADVICE = "advice"
    """It works, and would work better."""
    PROBLEM = "problem"
    """Managing would go wrong, or not happen."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of `doctor`."""

    about: str
    """The part of the host, or the container's name."""
    level: Level
    found: str
    remedy: str = ""
    """What to do; "" where nothing is to be done."""


def ok(about: str, found: str) -> Finding:
    """All is well."""
    return Finding(about, Level.OK, found)


def advice(about: str, found: str, remedy: str) -> Finding:
    """It works, and would work better."""
    return Finding(about, Level.ADVICE, found, remedy)


def problem(about: str, found: str, remedy: str) -> Finding:
    """Managing would go wrong, or not happen."""
    return Finding(about, Level.PROBLEM, found, remedy)
