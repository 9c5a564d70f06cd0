"""The ports of this machine: its topology, meters, and who holds its jobs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from components.actuation.docker_host import DockerHost
from components.actuation.process_host import ProcessHost
from components.executor.clock import WallClock
from components.executor.ports import NodePorts
from components.node.fingerprint import read_identity
from components.node.topology import read_topology
from components.telemetry.cpu_times import ProcStat
from components.telemetry.power_model import vcpu_power
from components.telemetry.power_order import DEFAULT_ORDER, node_power
from components.telemetry.prometheus import PrometheusLatency
from components.telemetry.sample import Origin
from components.telemetry.served_devices import PrometheusDevices
from components.telemetry.server_mapping import mapping_of

if TYPE_CHECKING:
    from components.actuation.host import Container
    from components.jobs.job import Job
    from components.telemetry.meters import LatencySource
    from components.telemetry.served_devices import DeviceSource

SCRAPE_TIMEOUT_S = 1.0
"""The loop waits for pages: a server that is away must not hold up the other jobs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Roots:
    """Where the kernel shows this machine, and how its power is read."""

    sysfs: Path = Path("/sys")
    proc: Path = Path("/proc")
    power: tuple[str, ...] = DEFAULT_ORDER
    """Meters in the order in which they are tried."""
    power_learned: Path | None = None
    """Where the power model keeps what a counter taught it."""


def docker_node(name: str, socket: Path, roots: Roots | None = None) -> NodePorts:
    """This machine with the containers of a Docker engine."""
    roots = roots or Roots()
    return _node(name, DockerHost(socket, proc=roots.proc, sysfs=roots.sysfs), roots)


def process_node(name: str, registry: Path, roots: Roots | None = None) -> NodePorts:
    """This machine with processes that were declared in a folder."""
    roots = roots or Roots()
    return _node(name, ProcessHost(registry, proc=roots.proc, sysfs=roots.sysfs), roots)


def prometheus_source(container: Container, job: Job) -> LatencySource:
    """Open the Prometheus page that a job's `metrics` names.

    Raises:
        MeterError: no server is declared under the name it begins with.
    """
    mapping, where = mapping_of(job.metrics)
    return PrometheusLatency(
        f"http://{container.address}:{where}",
        timeout_s=SCRAPE_TIMEOUT_S,
        mapping=mapping,
        batch_size=job.batch_size,
        model=job.model,
        target=job.target,
    )


def prometheus_devices(container: Container, job: Job) -> DeviceSource:
    """Open the page on which a job's server says what devices it holds: the page of its latency.

    Raises:
        MeterError: no server is declared under the name it begins with.
    """
    _, where = mapping_of(job.metrics)
    return PrometheusDevices(f"http://{container.address}:{where}", timeout_s=SCRAPE_TIMEOUT_S)


def _node(name: str, host: DockerHost | ProcessHost, roots: Roots) -> NodePorts:
    topology = read_topology(roots.sysfs)
    identity = read_identity(topology, roots.sysfs, roots.proc)
    cpu_times = ProcStat(roots.proc)
    watts = vcpu_power(dict(identity.facts).get("cpu model", ""))
    return NodePorts(
        name=name,
        clock=WallClock(),
        host=host,
        freezer=host,
        sysfs=roots.sysfs,
        cpu_times=cpu_times,
        power=node_power(
            cpu_times,
            n_logical=topology.n_logical,
            watts=watts,
            order=roots.power,
            powercap=roots.sysfs / "class/powercap",
            kept=roots.power_learned,
        ),
        latency_source=prometheus_source,
        served_devices=prometheus_devices,
        topology=topology,
        identity=identity,
        origin=Origin.RECORDED,
    )
