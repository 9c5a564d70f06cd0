"""Finds the jobs of a host as the executor would, and looks at each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from components.actuation.cgroups import find_cgroup
from components.actuation.process_files import key_of
from components.doctor.finding import Finding, advice, problem
from components.doctor.job_checks import JobView, check_job
from components.errors import JoulepilotError
from components.executor.real_node import prometheus_source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from components.actuation.engine_api import EngineApi
    from components.actuation.host import Host
    from components.doctor.roots import Roots
    from components.executor.jobs_in_charge import JobsInCharge, Managed


def check_jobs(
    in_charge: JobsInCharge,
    host: Host,
    roots: Roots,
    engine: EngineApi | None,
    cgroup_driver: str,
) -> Iterator[Finding]:
    """Look at all jobs; mistakes in labels and files are findings too."""
    try:
        found = in_charge.discover(host)
    except JoulepilotError as error:
        yield problem("jobs", error.found, error.remedy)
        return
    for line in found.health:
        yield problem("jobs", line, "correct it; the container is left alone until then")
    if not found.managed:
        yield advice(
            "jobs",
            f"none of {len(found.container_ids)} containers is managed",
            "label one joulepilot.enable=true, or: joulepilot-node manage NAME --enable true …",
        )
    for managed in found.managed:
        yield from _check(managed, host, roots, engine, cgroup_driver)


def _check(
    managed: Managed, host: Host, roots: Roots, engine: EngineApi | None, cgroup_driver: str
) -> Iterator[Finding]:
    try:
        view = _look(managed, host, roots, engine, cgroup_driver)
    except JoulepilotError as error:
        yield problem(managed.job.name, error.found, error.remedy)
        return
    yield from check_job(view, roots, prometheus_source)


def _look(
    managed: Managed, host: Host, roots: Roots, engine: EngineApi | None, cgroup_driver: str
) -> JobView:
    container_id = managed.container.id
    inspected: Any = {} if engine is None else engine.get(f"/containers/{container_id}/json")
    if engine is None:
        pids: tuple[int, ...] = (key_of(container_id).pid,)
    else:
        pid = int(inspected["State"]["Pid"])
        pids = find_cgroup(roots.cgroup, roots.proc, pid, container_id).pids() or (pid,)
    return JobView(
        job=managed.job,
        container=managed.container,
        cpus=host.effective_cpus(container_id),
        pids=pids,
        inspected=inspected,
        cgroup_driver=cgroup_driver,
    )
