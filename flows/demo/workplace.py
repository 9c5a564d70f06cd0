"""Where the demo's jobs run: in containers, or as plain processes where no Docker answers."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Protocol

from components.actuation.process_files import declare
from components.actuation.process_host import ProcessHost
from components.node.cpuset import format_cpu_list
from flows.services import Service, answers, free_port

if TYPE_CHECKING:
    from pathlib import Path

    from flows.demo.jobs import DemoJob
    from flows.services import Services


class Workplace(Protocol):
    """Starts jobs, and says on which CPUs they may run by the kernel's word."""

    kind: str
    """`docker` or `process`, as `joulepilot-node run --host` calls it."""

    def start(self, job: DemoJob) -> str:
        """Start a job and return the URL of its server, ready."""
        ...

    def cpus(self, job: DemoJob) -> str:
        """The CPUs in force, as a Linux list, read from the kernel."""
        ...

    def close(self) -> None:
        """End and remove every job that was started."""
        ...


class Processes:
    """Jobs as plain processes, declared to the node by a file each."""

    kind = "process"

    def __init__(self, services: Services, networks: Path, registry: Path) -> None:
        self._services = services
        self._networks = networks
        self._registry = registry
        self._host = ProcessHost(registry)
        self._declared: list[Path] = []

    def start(self, job: DemoJob) -> str:
        """Start a job and return the URL of its server, ready."""
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        network = str(self._networks / f"{job.network}.onnx")
        module = [sys.executable, "-m", "components.inference_server"]
        service = Service(
            f"job-{job.name}",
            [*module, "--model", network, "--host", "127.0.0.1", "--port", str(port)],
            answers(f"{url}/readyz"),
        )
        self._services.start_all([service])
        pid = self._services.pid_of(service.name)
        self._declared.append(
            declare(
                self._registry, job.name, pid, labels=job.labels(port), program="inference-server"
            )
        )
        return url

    def cpus(self, job: DemoJob) -> str:
        """The CPUs in force, as a Linux list, read from the kernel."""
        container = next(c for c in self._host.containers() if c.name == job.name)
        return format_cpu_list(self._host.effective_cpus(container.id))

    def close(self) -> None:
        """Withdraw the declarations; the processes end with the services."""
        for path in self._declared:
            path.unlink(missing_ok=True)
