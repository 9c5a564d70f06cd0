"""The demo's jobs as Docker containers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import docker
from docker.errors import DockerException, ImageNotFound

from components.actuation.docker_host import DockerHost
from components.node.cpuset import format_cpu_list
from flows.demo.jobs import DEMO_LABEL, METRICS_PORT
from flows.errors import ServiceError
from flows.services import answers

if TYPE_CHECKING:
    from flows.demo.jobs import DemoJob

IMAGE = "joulepilot/inference-server:latest"
READY_S = 60.0


class Containers:
    """Runs jobs from the image that `make install` builds."""

    kind = "docker"

    def __init__(self, stage: str = DEMO_LABEL) -> None:
        """Clear the stage of what carries its label: of a story that was killed."""
        self._stage = stage
        self._client = docker.from_env(timeout=30)
        self._host = DockerHost()
        self._remove_all()

    def start(self, job: DemoJob) -> str:
        """Start a job and return the URL of its server, ready.

        Raises:
            ServiceError: the container ended or did not become ready in time.
        """
        container = self._client.containers.run(
            IMAGE,
            ["--model", f"/networks/{job.network}.onnx"],
            name=job.name,
            labels=job.labels(METRICS_PORT),
            detach=True,
        )
        return self._wait_until_ready(container)

    def cpus(self, job: DemoJob) -> str:
        """The CPUs in force, as a Linux list, read from the kernel."""
        container = self._client.containers.get(job.name)
        return format_cpu_list(self._host.effective_cpus(str(container.id)))

    def close(self) -> None:
        """End and remove every container of the demo."""
        self._remove_all()
        self._client.close()

    def _remove_all(self) -> None:
        for container in self._client.containers.list(all=True, filters={"label": self._stage}):
            container.remove(force=True)

    def _wait_until_ready(self, container: Any) -> str:
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            container.reload()
            if container.status == "exited":
                break
            networks = container.attrs["NetworkSettings"]["Networks"].values()
            address = next((n["IPAddress"] for n in networks if n["IPAddress"]), None)
            url = f"http://{address}:{METRICS_PORT}"
            if address and answers(f"{url}/readyz")():
                return url
            time.sleep(0.2)
        last = container.logs(tail=8).decode(errors="replace")
        raise ServiceError(
            f"asked for the container {container.name} to be ready",
            f"it is {container.status}; it last said:\n{last}",
            f"try: docker logs {container.name}",
        )


def why_not_docker() -> str | None:
    """Why jobs cannot run in Docker here; None when they can."""
    try:
        client = docker.from_env(timeout=5)
    except DockerException as error:
        return f"no Docker engine answers ({error})"
    try:
        client.images.get(IMAGE)
    except ImageNotFound:
        return f"the image {IMAGE} is not there (make install builds it)"
    except DockerException as error:
        return f"the Docker engine fails ({error})"
    finally:
        client.close()
    return None
