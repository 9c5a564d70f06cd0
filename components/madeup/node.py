"""A made-up node: many CPUs, jobs under load, and every port an executor needs.

node = reference_node(Path("/tmp/made-up"), target_ms=7.0)
node.host.apply(node.container("resnet").id, frozenset(range(25)))
node.clock.sleep(10.0)
node.latency_source(node.container("resnet")).read()
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from components.madeup.clock import SimulatedClock
from components.madeup.conditions import Disturbance
from components.madeup.errors import MadeUpError
from components.madeup.host import MadeUpHost
from components.madeup.job import MadeUpJob
from components.madeup.kernel import MadeUpKernel
from components.madeup.meters import MadeUpCpuTimes, MadeUpLatency, MadeUpPower
from components.madeup.reference_node import ReferenceResponse, reference_table
from components.madeup.state import NodeCharacter, NodeState
from components.madeup.sysfs import write_node
from components.telemetry.sample import Origin

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from components.actuation.host import Container
    from components.jobs.job import Job
    from components.madeup.surface import MadeUpSurface, Response
    from components.node.cpuset import CpuSet

REFERENCE_IDLE_W = 76.245
REFERENCE_RATE_PER_S = 50.0
"""Requests offered to the reference job; a window of 4 s already has enough to be judged."""


class MadeUpNode:
    """Simulated, seeded, and made of the same files as a real node; simulated time only.

    The methods below `true_power_w` are what people and tests do to it; an executor sees only the
    ports.
    """

    def __init__(
        self,
        root: Path,
        character: NodeCharacter,
        jobs: Sequence[MadeUpJob],
        *,
        name: str = "made-up",
        cpu_model: str = "Made-up CPU",
        start_s: float | None = None,
    ) -> None:
        write_node(root, character.topology, cpu_model=cpu_model, governor="performance")
        self.name = name
        self.root = root
        self.sysfs = root / "sys"
        self.proc = root / "proc"
        self.topology = character.topology
        self.origin = Origin.SIMULATED
        self.clock = SimulatedClock(start_s)
        self._kernel = MadeUpKernel(root, character.topology.ids)
        self._state = NodeState(character, self.clock, self._kernel)
        self.host = MadeUpHost(self._state)
        self.power_meter = MadeUpPower(self._state)
        self.cpu_times = MadeUpCpuTimes(self._state, root)
        for job in jobs:
            self._state.start(job)

    def latency_source(self, container: Container, job: Job | None = None) -> MadeUpLatency:  # noqa: ARG002 - the port says it
        """Open the latency page of a container."""
        return MadeUpLatency(self._state, container.id)

    def container(self, name: str) -> Container:
        """Describe a running container by name."""
        return self._state.named(name).container

    def true_latency_ms(self, name: str) -> float:
        """Mean latency per image of a job now, without noise."""
        with self._state.settled():
            return self._state.now().latency_ms[self.container(name).id]

    def true_power_w(self) -> float:
        """Power of the node now, without noise."""
        with self._state.settled():
            return self._state.now().power_w

    def start(self, job: MadeUpJob) -> None:
        """Start a job; one of the same name is started anew, with counters at 0."""
        self._state.start(job)

    def restart(self, name: str) -> None:
        """Start a job anew: same container, counters at 0."""
        self._state.start(self._state.named(name).job)

    def kill(self, name: str) -> None:
        """Take a container away in the middle of whatever it does."""
        self._state.stop(self._state.named(name))

    def set_rate(self, name: str, rate_per_s: float) -> None:
        """Offer a job another load from now on.

        Raises:
            MadeUpError: the rate is not positive.
        """
        if not rate_per_s > 0:
            raise MadeUpError(
                f"asked for {rate_per_s} requests/s for {name!r}",
                "a rate is positive",
                "give one above 0, or kill the job",
            )
        with self._state.changing():
            self._state.named(name).rate_per_s = rate_per_s

    def rate_of(self, container_id: str) -> float:
        """Requests a second that a container is offered now."""
        return self._state.of(container_id).rate_per_s

    def name_of(self, container_id: str) -> str:
        """Name of a running container."""
        return self._state.of(container_id).container.name

    def change_work(
        self, name: str, response: Response, *, rate_per_s: float, batch_size: int
    ) -> None:
        """Let a job answer in another way from now on; its counters go on."""
        with self._state.changing():
            server = self._state.named(name)
            server.job = replace(
                server.job, response=response, rate_per_s=rate_per_s, batch_size=batch_size
            )
            server.counters.job = server.job
            server.rate_per_s = rate_per_s

    def spend(self, joules: float) -> None:
        """Count joules of something beside the jobs."""
        with self._state.settled():
            self._state.energy_j += joules

    def scale_rate(self, name: str, factor: float) -> None:
        """Multiply the load that a job is offered now."""
        self.set_rate(name, self._state.named(name).rate_per_s * factor)

    def slow_l3(self, l3: int, factor: float) -> None:
        """Stretch every job that uses a core of an L3 group; 1.0 makes it well again."""
        with self._state.changing():
            old = self._state.disturbance
            self._state.disturbance = Disturbance(old.strangers, {**old.l3_factor, l3: factor})

    def disturb(self, strangers: Mapping[int, float]) -> None:
        """Let something unmanaged keep CPUs busy, by share; {} ends it."""
        with self._state.changing():
            old = self._state.disturbance
            self._state.disturbance = Disturbance(dict(strangers), old.l3_factor)

    def be_disturbed(self, disturbance: Disturbance) -> None:
        """Replace all that makes the node worse than it was drawn."""
        with self._state.changing():
            self._state.disturbance = disturbance

    def take_offline(self, cpus: CpuSet) -> None:
        """Unplug CPUs."""
        with self._state.changing():
            self._kernel.set_online(self._kernel.online - cpus)

    def bring_online(self, cpus: CpuSet) -> None:
        """Plug CPUs in again."""
        with self._state.changing():
            self._kernel.set_online(self._kernel.online | cpus)

    def silence(self, name: str, *, silent: bool = True) -> None:
        """Let a server's latency page go away, or come back."""
        with self._state.settled():
            self._state.named(name).is_silent = silent

    def ignore_writes(self, name: str) -> None:
        """From now on say yes to every cpuset for a container and change nothing."""
        self._kernel.keep_against_writes(self.container(name).id)


def reference_node(
    root: Path,
    *,
    seed: int = 0,
    noise: float = 0.003,
    target_ms: float = 7.0,
    start_s: float | None = None,
    name: str = "made-up-reference",
    response: ReferenceResponse | None = None,
) -> MadeUpNode:
    """Make the paper's node, 128 logical CPUs, with its ResNet job `resnet` under load.

    With a `response` of other parameters it is a node like the paper's.
    """
    response = response or ReferenceResponse()
    job = MadeUpJob(
        name="resnet",
        response=response,
        rate_per_s=REFERENCE_RATE_PER_S,
        image="simulated/resnet",
        labels=job_labels(target_ms, model="resnet"),
    )
    idle_w = response.parameters.base_w
    character = NodeCharacter(reference_table().topology, idle_w, seed, noise)
    return MadeUpNode(
        root,
        character,
        [job],
        name=name,
        cpu_model="Made-up reference",
        start_s=start_s,
    )


def node_of(
    root: Path, surface: MadeUpSurface, *, seed: int = 0, start_s: float | None = None
) -> MadeUpNode:
    """Make a drawn surface a node that runs one job, `job`, with the surface's target and noise."""
    power_w = surface.response.power_w(surface.table.footprints)
    job = MadeUpJob(
        name="job",
        response=surface.response,
        rate_per_s=REFERENCE_RATE_PER_S,
        labels=job_labels(surface.target_ms, model=surface.family),
    )
    character = NodeCharacter(surface.topology, 0.9 * float(power_w.min()), seed, surface.noise)
    return MadeUpNode(root, character, [job], name=surface.name, start_s=start_s)


def job_labels(target_ms: float, *, model: str) -> dict[str, str]:
    """Labels of a managed job whose mean latency has a target."""
    return {
        "joulepilot.enable": "true",
        "joulepilot.target-ms": f"{target_ms:g}",
        "joulepilot.metrics": "prometheus:8002/metrics",
        "joulepilot.model": model,
    }
