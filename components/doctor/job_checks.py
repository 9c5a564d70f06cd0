"""One job: its CPUs, limits, GPU, latency page and processes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from components.actuation.gpu_trap import GPU_TRAP_REMEDY, gpu_trap
from components.doctor.finding import Finding, advice, ok, problem
from components.doctor.process import read_process
from components.doctor.threads import check_threads
from components.errors import JoulepilotError
from components.jobs.settings import INERT
from components.telemetry.errors import ReadingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from components.actuation.host import Container
    from components.doctor.roots import Roots
    from components.jobs.job import Job
    from components.node.cpuset import CpuSet
    from components.telemetry.meters import LatencySource

_MOST_PROCESSES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class JobView:
    """What can be seen of a job's container."""

    job: Job
    container: Container
    cpus: CpuSet
    pids: tuple[int, ...]
    inspected: Mapping[str, Any]
    """What the engine says of it; empty for a plain process."""
    cgroup_driver: str


def check_job(
    view: JobView, roots: Roots, open_source: Callable[[Container, Job], LatencySource]
) -> Iterator[Finding]:
    """Look at one job."""
    yield from _gpu(view)
    yield from _limits(view)
    yield _page(view, open_source)
    yield from _processes(view, roots)
    if view.job.inert:
        yield advice(
            view.job.name,
            f"nothing acts on {', '.join(view.job.inert)} alone",
            "; ".join(f"{key} needs {INERT[key]}" for key in view.job.inert),
        )


def _gpu(view: JobView) -> Iterator[Finding]:
    trap = gpu_trap(view.inspected, view.cgroup_driver)
    if trap is not None:
        yield problem(view.job.name, trap, GPU_TRAP_REMEDY)


def _limits(view: JobView) -> Iterator[Finding]:
    host = view.inspected.get("HostConfig") or {}
    quota = (host.get("NanoCpus") or 0) / 1e9
    if host.get("CpuQuota") and host.get("CpuPeriod"):
        quota = host["CpuQuota"] / host["CpuPeriod"]
    if quota > 0:
        yield problem(
            view.job.name,
            f"it is throttled to {quota:g} CPUs of time (--cpus): with more CPUs it is stopped in "
            "the middle of requests",
            "start it without --cpus; joulepilot.max-cpus bounds it without throttling",
        )
    if host.get("CpuShares") not in {None, 0, 1024}:
        yield advice(
            view.job.name,
            f"its CPU shares are {host['CpuShares']}",
            "start it with the default, or its latency depends on its neighbours' load",
        )


def _page(view: JobView, open_source: Callable[[Container, Job], LatencySource]) -> Finding:
    job = view.job
    try:
        snapshot = open_source(view.container, job).read()
    except ReadingError as error:
        return problem(job.name, f"its latency cannot be read now: {error.found}", error.remedy)
    except JoulepilotError as error:
        return problem(job.name, f"its latency cannot be read: {error.found}", error.remedy)
    return ok(
        job.name,
        f"latency is read from {job.metrics}: {snapshot.n_requests} requests answered, "
        f"{len(snapshot.bounds_s)} buckets, target {job.target.latency_ms:g} ms "
        f"{job.target.statistic}",
    )


def _processes(view: JobView, roots: Roots) -> Iterator[Finding]:
    facts = [read_process(roots, pid) for pid in view.pids[:_MOST_PROCESSES]]
    known = [fact for fact in facts if fact is not None and fact.thread_cpus]
    if not known:
        yield advice(
            view.job.name,
            "its processes cannot be looked at",
            "run as root on the host itself",
        )
        return
    main = max(known, key=lambda fact: len(fact.thread_cpus))
    yield from check_threads(view.job.name, main, len(view.cpus))
