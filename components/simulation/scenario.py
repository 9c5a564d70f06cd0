"""A scenario: a node, its jobs, their load, and what happens to them; read from TOML."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from components.node.cpuset import parse_cpu_list
from components.node.errors import CpuListError
from components.simulation.errors import ScenarioError
from components.simulation.traces import Load, Shape

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from components.node.cpuset import CpuSet

T = TypeVar("T")
FAMILIES = ("usl", "tiles", "stepped", "knots")


@dataclass(frozen=True, slots=True, kw_only=True)
class NodePlan:
    """What node there is."""

    sockets: int = 2
    l3_per_socket: int = 4
    cores_per_l3: int = 8
    threads_per_core: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class JobsPlan:
    """How jobs are drawn."""

    n: int = 8
    families: tuple[str, ...] = FAMILIES
    share_of_cores: float = 0.45
    """Of all cores, what the jobs need together at their usual load."""


class EventKind(StrEnum):
    """What can happen."""

    NOISY_NEIGHBOUR = "noisy-neighbour"
    """Something unmanaged keeps `cpus` busy and slows what shares their L3 groups by `factor`."""
    MODEL_SWAP = "model-swap"
    """The job `job` takes `factor` times as long per request."""
    POWER_CAP = "power-cap"
    """The node throttles itself above `factor` times what it draws with all CPUs for all jobs."""
    SILENCE = "silence"
    """The latency page of `job` does not answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happens to a node for a while."""

    kind: EventKind
    from_s: float
    to_s: float = float("inf")
    job: int = 0
    factor: float = 1.0
    cpus: CpuSet = frozenset()
    use: float = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class DeferrablePlan:
    """Work that may wait."""

    name: str
    hours: float
    """How long it takes with what is free at the busiest time of the day."""
    from_h: float = 0.0
    until_h: float = 24.0
    priority: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One thing to be simulated."""

    name: str
    about: str = ""
    hours: float = 1.0
    step_s: float = 10.0
    noise: float = 0.004
    """Sigma of the log of a window's mean latency."""
    node: NodePlan = field(default_factory=NodePlan)
    jobs: JobsPlan = field(default_factory=JobsPlan)
    loads: tuple[Load, ...] = (Load(),)
    """Later ones win for the jobs they name."""
    events: tuple[Event, ...] = ()
    carbon: str | None = None
    """A CSV of `time,value`: seconds from midnight, from the day before on, and gCO2e per kWh. With
    it the scenario is a day of deferrable work."""
    deferrable_w: float = float("inf")
    """Most power that deferrable jobs may draw together, as a power cap leaves it."""
    deferrables: tuple[DeferrablePlan, ...] = ()
    folder: Path = Path()
    """Where the files lie that it names."""

    @property
    def n_steps(self) -> int:
        """How many steps it has."""
        return round(self.hours * 3600.0 / self.step_s)


def shipped_scenarios() -> dict[str, Path]:
    """The scenarios in the package, by name."""
    folder = Path(__file__).parent / "scenarios"
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def read_scenario(path: Path) -> Scenario:
    """Read a scenario.

    Raises:
        ScenarioError: it cannot be read, or says something that is unknown or impossible.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _bad(path, str(error)) from error
    try:
        scenario = Scenario(
            name=path.stem,
            folder=path.parent,
            **_top(content),
            node=_make(NodePlan, content.pop("node", {}), {}),
            jobs=_make(JobsPlan, content.pop("jobs", {}), {"families": tuple}),
            loads=tuple(_make(Load, c, _LOAD) for c in content.pop("load", [{}])),
            events=tuple(_make(Event, c, _EVENT) for c in content.pop("event", [])),
            deferrables=tuple(_make(DeferrablePlan, c, {}) for c in content.pop("deferrable", [])),
        )
    except (TypeError, ValueError, CpuListError) as error:
        raise _bad(path, str(error)) from error
    if content:
        raise _bad(path, f"unknown: {', '.join(content)}")
    _check(scenario, path)
    return scenario


_LOAD: Mapping[str, Callable[[Any], Any]] = {"shape": Shape, "jobs": tuple}
_EVENT: Mapping[str, Callable[[Any], Any]] = {"kind": EventKind, "cpus": parse_cpu_list}


def _top(content: dict[str, Any]) -> dict[str, Any]:
    names = ("about", "hours", "step_s", "noise", "carbon", "deferrable_w")
    return {name: content.pop(name) for name in names if name in content}


def _make(kind: type[T], content: dict[str, Any], read: Mapping[str, Callable[[Any], Any]]) -> T:
    known = [f.name for f in fields(kind)]  # type: ignore[arg-type]  # all are dataclasses
    unknown = [name for name in content if name not in known]
    if unknown:
        raise ValueError(f"unknown: {', '.join(unknown)}; known are {', '.join(known)}")
    return kind(**{name: read.get(name, _same)(value) for name, value in content.items()})


def _same(value: Any) -> Any:
    return value


def _check(scenario: Scenario, path: Path) -> None:
    jobs, node = scenario.jobs, scenario.node
    n_cpus = node.sockets * node.l3_per_socket * node.cores_per_l3 * node.threads_per_core
    named = {event.job for event in scenario.events} | {j for x in scenario.loads for j in x.jobs}
    for what, fine in (
        ("hours and step_s have to give a step", scenario.step_s > 0 and scenario.n_steps >= 1),
        ("a node has 2 to 1024 CPUs", 2 <= n_cpus <= 1024),
        ("there are 1 to 64 jobs", 1 <= jobs.n <= 64),
        (f"families are of {', '.join(FAMILIES)}", set(jobs.families) <= set(FAMILIES)),
        ("share_of_cores lies in (0, 1]", 0.0 < jobs.share_of_cores <= 1.0),
        ("loads and events name jobs that there are", all(0 <= j < jobs.n for j in named)),
        ("deferrable work needs carbon, and the other way", _is_whole(scenario)),
        ("factors are above 0", all(event.factor > 0 for event in scenario.events)),
    ):
        if not fine:
            raise _bad(path, what)


def _is_whole(scenario: Scenario) -> bool:
    return (scenario.carbon is None) is (not scenario.deferrables) and all(
        plan.hours > 0 and 0 <= plan.from_h < plan.until_h <= 24 for plan in scenario.deferrables
    )


def _bad(path: Path, found: str) -> ScenarioError:
    return ScenarioError(
        f"asked to simulate {path}",
        found,
        f"write it like the shipped ones: {', '.join(shipped_scenarios())}",
    )
