from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from components.actuation.host import Container
from components.doctor.finding import Finding, Level
from components.doctor.job_checks import JobView, check_job
from components.jobs.job import Job
from components.jobs.target import Target
from components.telemetry.errors import MeterError, ReadingError
from components.telemetry.meters import LatencySnapshot

if TYPE_CHECKING:
    from collections.abc import Callable

PID = 400
JOB = Job("web", Target(7.0), "prometheus:8002/metrics")


class Page:
    """A page that is always the same, or cannot be read."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    def read(self) -> LatencySnapshot:
        if self.error is not None:
            raise self.error
        return LatencySnapshot((0.007,), (3, 1), 0.03, 4, 4, 5)


@pytest.fixture
def look(machine) -> Callable[..., list[Finding]]:
    def look(
        *,
        inspected: dict[str, Any] | None = None,
        driver: str = "cgroupfs",
        cpus: int = 2,
        page: Page | None = None,
    ) -> list[Finding]:
        view = JobView(
            job=JOB,
            container=Container("abc", "web", "server:1", "sha256:1"),
            cpus=frozenset(range(cpus)),
            pids=(PID,),
            inspected=inspected or {},
            cgroup_driver=driver,
        )
        return list(check_job(view, machine.roots, lambda _container, _job: page or Page()))

    return look


def problems(findings: list[Finding]) -> str:
    return "\n".join(one.found for one in findings if one.level is Level.PROBLEM)


def advices(findings: list[Finding]) -> str:
    return "\n".join(one.found for one in findings if one.level is Level.ADVICE)


def test_a_server_in_order_is_ok_and_its_threads_are_counted(machine, look) -> None:
    machine.program(PID, "server", threads=("0-1",) * 5)
    findings = look()
    assert {one.level for one in findings} == {Level.OK}
    assert "5 threads on 2 CPUs" in findings[-1].found
    assert "4 requests answered" in findings[0].found


@pytest.mark.parametrize("variable", ["ORT_INTRA_OP_NUM_THREADS", "OMP_NUM_THREADS"])
def test_a_pool_larger_than_the_cpuset_is_a_problem(machine, look, variable: str) -> None:
    machine.program(PID, "server", environment=f"A=1 {variable}=64", threads=("0-1",))
    assert f"{variable}=64, and it has 2 CPUs" in problems(look())
    assert problems(look(cpus=64)) == ""


def test_threads_that_pinned_themselves_are_a_problem_where_there_is_more_than_one_cpu(
    machine, look
) -> None:
    machine.program(PID, "server", libraries=("libonnxruntime.so.1.18",), threads=("0-1", "0", "1"))
    assert "2 of 3 threads pinned themselves" in problems(look())
    assert problems(look(cpus=1)) == ""
    assert "ORT_INTRA_OP_NUM_THREADS is not set" in advices(look(cpus=1))


def test_openmp_that_spins_is_told_unless_it_is_passive(machine, look) -> None:
    machine.program(PID, "server", libraries=("libgomp.so.1",), threads=("0-1",))
    assert "OMP_WAIT_POLICY=unset" in advices(look())
    machine.program(
        PID,
        "server",
        libraries=("libgomp.so.1",),
        environment="OMP_WAIT_POLICY=passive",
        threads=("0-1",),
    )
    assert advices(look()) == ""


def test_a_gpu_by_the_legacy_hook_is_a_problem_under_the_systemd_driver_only(machine, look) -> None:
    machine.program(PID, "server", threads=("0-1",))
    legacy = {"HostConfig": {"DeviceRequests": [{"Driver": "", "Capabilities": [["gpu"]]}]}}
    runtime = {"HostConfig": {"Runtime": "nvidia"}}
    cdi = {"HostConfig": {"DeviceRequests": [{"Driver": "cdi", "DeviceIDs": ["nvidia.com/gpu=0"]}]}}
    named = {
        "HostConfig": {"Runtime": "nvidia", "Devices": [{"PathOnHost": "/dev/nvidia0"}]},
    }
    assert "take the GPU away" in problems(look(inspected=legacy, driver="systemd"))
    assert "take the GPU away" in problems(look(inspected=runtime, driver="systemd"))
    for inspected in (cdi, named, {"HostConfig": {}}):
        assert problems(look(inspected=inspected, driver="systemd")) == ""
    assert problems(look(inspected=legacy, driver="cgroupfs")) == ""


def test_a_quota_is_a_problem_and_odd_shares_are_told(machine, look) -> None:
    machine.program(PID, "server", threads=("0-1",))
    assert "throttled to 1.5" in problems(look(inspected={"HostConfig": {"NanoCpus": int(1.5e9)}}))
    period = {"HostConfig": {"CpuQuota": 50_000, "CpuPeriod": 100_000}}
    assert "throttled to 0.5" in problems(look(inspected=period))
    assert "shares are 2" in advices(look(inspected={"HostConfig": {"CpuShares": 2}}))


@pytest.mark.parametrize("kind", [MeterError, ReadingError])
def test_a_page_that_cannot_be_read_is_a_problem_with_the_reason(machine, look, kind) -> None:
    machine.program(PID, "server", threads=("0-1",))
    page = Page(kind("asked for it", "port 8002 refuses", "open it"))
    assert "port 8002 refuses" in problems(look(page=page))


def test_processes_that_cannot_be_seen_are_told(look) -> None:
    assert "cannot be looked at" in advices(look())
