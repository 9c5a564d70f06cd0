"""A joint plan as numbers, as it goes to the solver's process and back; JSON, nothing pickled."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Choice:
    """One option of a job."""

    cores: int
    cost_w: float
    groups: int = 0
    """L3 groups it needs awake at least; 0 where its cores may lie anywhere."""
    sockets: int = 0


@dataclass(frozen=True, slots=True)
class JobChoices:
    """The options of one job, of which it gets one."""

    choices: tuple[Choice, ...]
    stays: int | None = None
    """Position of what it has now; None where it will move in any case."""
    home: tuple[int, ...] = ()
    """Positions of the L3 groups it is in."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Everything the solver knows."""

    jobs: tuple[JobChoices, ...]
    group_cores: tuple[int, ...]
    """Free cores of each L3 group."""
    group_socket: tuple[int, ...]
    group_awake: tuple[bool, ...]
    """Groups that others keep awake."""
    base_w: float
    socket_w: float
    l3_w: float
    move_w: float
    budget_s: float
    gap: float = 0.0
    """Relative gap at which to stop early."""


@dataclass(frozen=True, slots=True)
class Solution:
    """What the solver found."""

    picks: tuple[int, ...]
    """The choice of each job; empty where it found no assignment."""
    cores: tuple[tuple[int, ...], ...]
    """Cores of each job in each L3 group."""
    bound_w: float | None
    """No assignment costs less."""
    seconds: float


def problem_to_json(problem: Problem) -> str:
    """Write a problem on one line."""
    return json.dumps(asdict(problem))


def problem_from_json(text: str) -> Problem:
    """Read a problem.

    Raises:
        ValueError, KeyError, TypeError: it is none.
    """
    content: dict[str, Any] = json.loads(text)
    jobs = tuple(
        JobChoices(
            tuple(Choice(**choice) for choice in job["choices"]), job["stays"], tuple(job["home"])
        )
        for job in content.pop("jobs")
    )
    for name in ("group_cores", "group_socket", "group_awake"):
        content[name] = tuple(content[name])
    return Problem(jobs=jobs, **content)


def solution_to_json(solution: Solution) -> str:
    """Write a solution on one line."""
    return json.dumps(asdict(solution))


def solution_from_json(text: str) -> Solution:
    """Read a solution.

    Raises:
        ValueError, KeyError, TypeError: it is none.
    """
    content = json.loads(text)
    return Solution(
        tuple(int(p) for p in content["picks"]),
        tuple(tuple(int(n) for n in row) for row in content["cores"]),
        None if content["bound_w"] is None else float(content["bound_w"]),
        float(content["seconds"]),
    )
