"""Records samples of a made-up node: the executor's own windows, without its decisions.

recorder = NodeRecorder(reference_node(folder), "reference")
samples = recorder.record(Candidate(25), n_windows=6)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.executor.madeup_ports import ports_of
from components.executor.node_meter import NodeMeter
from components.executor.observation import Demand, WindowObserver
from components.executor.sampling import InForce, make_sample
from components.executor.window import JobReading
from components.jobs.labels import job_from_labels
from components.node.placement import place
from components.telemetry.sample import Arm
from models.allocator.errors import NotEnoughSamplesError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.jobs.candidate import Candidate
    from components.jobs.job import Job
    from components.madeup.node import MadeUpNode
    from components.telemetry.sample import Sample

WINDOW_S = 10.0
_SETTLE_S = 1.0


class NodeRecorder:
    """Gives the only job of a made-up node its CPUs, and closes windows over it."""

    def __init__(self, node: MadeUpNode, name: str) -> None:
        self._node = node
        self._ports = ports_of(node, name)
        self._container = node.host.containers()[0]
        self._job = _job_of(self._container.name, self._container.labels)
        self._source = node.latency_source(self._container)
        self._meter = NodeMeter(node.power_meter, node.cpu_times)
        self._n_decisions = 0

    def record(self, candidate: Candidate, n_windows: int) -> list[Sample]:
        """Hold a candidate for some windows of ten seconds, as a sweep does."""
        cpus = place(self._node.topology, candidate.n_cpus, candidate.layout)
        self._node.host.apply(self._container.id, cpus)
        self._node.clock.sleep(_SETTLE_S)
        self._n_decisions += 1
        decision_id = f"{self._job.name}-sweep-{self._n_decisions}"
        in_force = InForce(cpus, candidate, Arm.SWEEP, decision_id, 1.0, is_placed=True)
        observer = WindowObserver(self._read)
        demand = Demand(
            target=self._job.target,
            cpus=cpus,
            plain_s=WINDOW_S,
            n_windows=1,
            min_requests=1,
            max_s=WINDOW_S,
            contended_share=1.0,
        )
        observer.tick(self._node.clock.monotonic_s(), demand)
        return [self._sample(observer, demand, in_force) for _ in range(n_windows)]

    def _sample(self, observer: WindowObserver, demand: Demand, in_force: InForce) -> Sample:
        self._node.clock.sleep(WINDOW_S)
        window = observer.tick(self._node.clock.monotonic_s(), demand)
        if window is None:
            raise NotEnoughSamplesError(
                f"asked to record {in_force.candidate} on {self._ports.name}",
                f"no window closed: {observer.error}",
                "give the job load, and let its server answer",
            )
        return make_sample(
            self._ports,
            self._container,
            self._job,
            in_force,
            window,
            mode="recommend",
            policy_digest=None,
        )

    def _read(self) -> JobReading:
        host, clock = self._node.host, self._node.clock
        cpu_s = host.cpu_time_s(self._container.id)
        return JobReading(
            node=self._meter.read(clock.monotonic_s()),
            now_s=clock.now_s(),
            latency=self._source.read(),
            cpu_time_s=cpu_s,
            managed_cpu_s=cpu_s,
            run_queue_wait_s=host.run_queue_wait_s(self._container.id),
        )


def _job_of(name: str, labels: Mapping[str, str]) -> Job:
    job = job_from_labels(name, labels)
    if job is None:
        raise NotEnoughSamplesError(
            f"asked to record the container {name!r}", "it is no job", "label it as one"
        )
    return job
