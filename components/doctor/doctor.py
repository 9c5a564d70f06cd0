"""Everything at once, and how it is told."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from components.actuation.docker_host import DockerHost
from components.actuation.engine_api import EngineApi
from components.actuation.process_host import ProcessHost
from components.actuation.replacement_journal import ReplacementJournal
from components.doctor.engine import check_engine
from components.doctor.finding import Finding, Level, ok, problem
from components.doctor.host import check_host
from components.doctor.jobs import check_jobs
from components.doctor.meters import check_meters
from components.doctor.roots import Roots
from components.errors import JoulepilotError
from components.executor.jobs_in_charge import JobsInCharge
from components.executor.node_home import NodeHome
from components.jobs.live_overrides import LiveOverrides
from components.telemetry.power_order import DEFAULT_ORDER

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ENGINE_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """What is to be looked at."""

    home: Path
    host: str = "docker"
    """`docker` or `process`."""
    docker_socket: Path = Path("/var/run/docker.sock")
    processes: Path | None = None
    """Folder of declared processes; by default `HOME/processes`."""
    power: tuple[str, ...] = DEFAULT_ORDER
    roots: Roots = field(default_factory=Roots)


def examine(patient: Patient) -> tuple[Finding, ...]:
    """Look at everything; changes nothing."""
    roots = patient.roots
    return (
        *check_host(roots),
        *check_meters(roots.sysfs / "class/powercap", patient.power),
        *_check_home(patient.home),
        *_check_jobs(patient),
    )


def tell(findings: Sequence[Finding]) -> str:
    """One line a finding, problems last, where the eye is."""
    marks = {Level.OK: "ok     ", Level.ADVICE: "advice ", Level.PROBLEM: "PROBLEM"}
    order = list(Level)
    lines = [
        f"{marks[finding.level]} {finding.about}: {finding.found}"
        + (f" -> {finding.remedy}" if finding.remedy else "")
        for finding in sorted(findings, key=lambda finding: order.index(finding.level))
    ]
    n_problems = sum(finding.level is Level.PROBLEM for finding in findings)
    n_advices = sum(finding.level is Level.ADVICE for finding in findings)
    lines.append(f"{len(findings)} looked at, {n_problems} problems, {n_advices} advices")
    return "\n".join(lines)


def to_plain(findings: Sequence[Finding]) -> dict[str, object]:
    """For machines."""
    return {"healthy": is_healthy(findings), "findings": [asdict(one) for one in findings]}


def is_healthy(findings: Sequence[Finding]) -> bool:
    """Whether nothing would go wrong."""
    return all(finding.level is not Level.PROBLEM for finding in findings)


def _check_home(home: Path) -> Iterator[Finding]:
    """What an executor would find of its own files; nothing is made or mended."""
    folder = NodeHome(home).folder
    there = next(place for place in (folder, *folder.parents) if place.exists())
    try:
        probe = there / ".joulepilot-doctor"
        probe.touch()
        probe.unlink()
    except OSError as error:
        yield problem("home", f"{there} cannot be written: {error}", "give a --home that can")
        return
    yield from _check_replacement(NodeHome(home))
    damaged = sorted(path.name for path in folder.glob("*.damaged*"))
    if damaged:
        yield problem(
            "home",
            f"{', '.join(damaged)} were set aside as damaged",
            f"see in {folder} which containers they name; `joulepilot-node restore`; remove them",
        )
    else:
        yield ok("home", str(folder))


def _check_replacement(home: NodeHome) -> Iterator[Finding]:
    """A replacement that nobody ended."""
    try:
        underway = ReplacementJournal(home.replacement).read()
    except JoulepilotError as error:
        yield problem("replacement", error.found, error.remedy)
        return
    if underway is not None:
        yield problem(
            "replacement",
            f"one of {underway.name} was begun and has not ended",
            f"wait, or end it: joulepilot-node replace {underway.name} --recover",
        )


def _check_jobs(patient: Patient) -> Iterator[Finding]:
    roots, home = patient.roots, NodeHome(patient.home)
    in_charge = JobsInCharge(home.jobs_file, LiveOverrides(home.overrides))
    if patient.host == "process":
        registry = patient.processes or patient.home / "processes"
        plain = ProcessHost(registry, proc=roots.proc, sysfs=roots.sysfs, cgroup=roots.cgroup)
        yield from check_jobs(in_charge, plain, roots, None, "none")
        return
    engine = EngineApi(patient.docker_socket, ENGINE_TIMEOUT_S)
    host = DockerHost(
        patient.docker_socket,
        proc=roots.proc,
        sysfs=roots.sysfs,
        cgroup=roots.cgroup,
        timeout_s=ENGINE_TIMEOUT_S,
    )
    try:
        facts, findings = check_engine(engine)
        yield from findings
        if facts is not None:
            yield from check_jobs(in_charge, host, roots, engine, facts.cgroup_driver)
    except JoulepilotError as error:
        yield problem("Docker", error.found, error.remedy)
    finally:
        host.close()
        engine.close()
