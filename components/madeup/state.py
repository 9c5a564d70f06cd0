"""What happens on a made-up node while simulated time passes. One lock, one writer."""

from __future__ import annotations

import math
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from components.actuation.errors import ContainerGoneError
from components.madeup.conditions import Conditions, Disturbance, Running, conditions
from components.madeup.errors import MadeUpError
from components.madeup.job import NOISE_WINDOW_S, MadeUpJob, ServerCounters
from components.madeup.tenancy import Together

if TYPE_CHECKING:
    from collections.abc import Iterator

    from components.actuation.host import Container
    from components.executor.clock import Clock
    from components.madeup.kernel import MadeUpKernel
    from components.madeup.tenancy import Platform
    from components.node.topology import Topology


@dataclass(frozen=True, slots=True)
class NodeCharacter:
    """What does not change while a made-up node runs."""

    topology: Topology
    idle_w: float
    """Power of the node with no job at all."""
    seed: int = 0
    noise: float = 0.003
    """Sigma of the log of the mean latency of a 10 s window; power has half of it."""
    platform: Platform | None = None
    """What several jobs share; None: the responses of its jobs are those of whole nodes."""


@dataclass(slots=True)
class Server:
    """One running job."""

    job: MadeUpJob
    container: Container
    counters: ServerCounters
    rate_per_s: float
    is_silent: bool = False


class NodeState:
    """Counts requests, joules and busy time; brought up to now whenever someone looks or changes.

    Everything holds from one change to the next, so a long sleep costs as much as a short one.
    """

    def __init__(self, character: NodeCharacter, clock: Clock, kernel: MadeUpKernel) -> None:
        self.kernel = kernel
        self.disturbance = Disturbance({}, {})
        self.energy_j = 0.0
        self.busy_s = dict.fromkeys(character.topology.ids, 0.0)
        self._character = character
        platform = character.platform
        self._together = None if platform is None else Together(character.topology, platform)
        self._clock = clock
        self._lock = threading.RLock()
        self._rng = np.random.default_rng([character.seed, 0])
        self._servers: dict[str, Server] = {}
        self._n_started = 0
        self._conditions: Conditions | None = None
        self._settled_s = clock.monotonic_s()

    @property
    def idle_w(self) -> float:
        """Watts of the node while nothing runs."""
        return self._character.idle_w

    @contextmanager
    def settled(self) -> Iterator[None]:
        """Hold the node still, with everything counted up to now."""
        with self._lock:
            self._settle()
            yield

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Change something: what was holds until now, what comes out holds from now."""
        with self.settled():
            try:
                yield
            finally:
                self._conditions = None

    @property
    def servers(self) -> tuple[Server, ...]:
        """All running jobs."""
        return tuple(self._servers.values())

    @property
    def uptime_s(self) -> float:
        """Simulated seconds counted so far."""
        return self._settled_s

    def start(self, job: MadeUpJob) -> None:
        """Start a job, or start it anew: its counters begin at 0, its cpuset is kept."""
        with self.changing():
            container = job.container()
            self._n_started += 1
            rng = np.random.default_rng([self._character.seed, self._n_started])
            self.kernel.create(container.id)
            counters = ServerCounters(job, rng)
            self._servers[container.id] = Server(job, container, counters, job.rate_per_s)

    def stop(self, server: Server) -> None:
        """Stop a job; its cgroup goes with it."""
        with self.changing():
            del self._servers[server.container.id]
            self.kernel.remove(server.container.id)

    def of(self, container_id: str) -> Server:
        """Find a running job by its container.

        Raises:
            ContainerGoneError: it is not running.
        """
        if container_id not in self._servers:
            raise ContainerGoneError(
                f"asked for container {container_id[:12]!r}",
                "it is not running on the made-up node",
                "nothing: it has stopped",
            )
        return self._servers[container_id]

    def named(self, name: str) -> Server:
        """Find a running job by its name.

        Raises:
            MadeUpError: none of that name is running.
        """
        for server in self._servers.values():
            if server.job.name == name:
                return server
        raise MadeUpError(
            f"asked for the made-up job {name!r}",
            f"running are {[server.job.name for server in self._servers.values()]}",
            "name one of these",
        )

    def now(self) -> Conditions:
        """How the jobs fare at present."""
        if self._conditions is None:
            running = {
                name: Running(
                    server.job.response.at_load(server.rate_per_s / server.job.rate_per_s),
                    self.kernel.cgroup(name).effective_cpus(),
                    server.job.manners,
                )
                for name, server in self._servers.items()
            }
            self._conditions = conditions(
                self._character.topology,
                running,
                self.disturbance,
                self._character.idle_w,
                self._together,
            )
        return self._conditions

    def _settle(self) -> None:
        now_s = self._clock.monotonic_s()
        seconds = now_s - self._settled_s
        if seconds <= 0:
            return
        held = self.now()
        self._settled_s = now_s
        noise = self._character.noise
        for name, server in self._servers.items():
            counters = server.counters
            counters.serve(seconds, server.rate_per_s, held.latency_ms[name], noise)
            counters.cpu_time_s += seconds * held.cpu_use[name]
            counters.run_queue_wait_s += seconds * held.cpu_use[name] * (held.slowdown[name] - 1.0)
        for cpu, share in held.busy.items():
            self.busy_s[cpu] += share * seconds
        drift = 0.5 * noise * math.sqrt(NOISE_WINDOW_S / seconds) * self._rng.standard_normal()
        self.energy_j += seconds * held.power_w * math.exp(min(drift, 1.0))
