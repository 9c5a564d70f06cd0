"""A closed window becomes a sample: the row of the lake."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.jobs.candidate import CPU_DEVICE
from components.node.cpuset import format_cpu_list
from components.telemetry.attribution import attributed_power_w
from components.telemetry.sample import Arm, Sample

if TYPE_CHECKING:
    from components.actuation.host import Container
    from components.executor.ports import NodePorts
    from components.executor.window import ClosedWindow
    from components.jobs.candidate import Candidate
    from components.jobs.job import Job
    from components.node.cpuset import CpuSet
    from components.telemetry.window import LatencyWindow


@dataclass(frozen=True, slots=True)
class InForce:
    """What a job has now, and why: every sample names its decision."""

    cpus: CpuSet
    candidate: Candidate | None
    """None where the CPUs follow no layout of ours."""
    arm: Arm
    decision_id: str
    propensity: float
    """Probability with which the decision chose this, among all it might have chosen."""
    is_placed: bool = False
    """Whether we gave it these CPUs."""
    asked: CpuSet = frozenset()
    """What was set; more than `cpus` while some of it is offline."""

    @property
    def layout(self) -> str | None:
        """How the CPUs were chosen; None where they follow no layout of ours."""
        is_whole = self.candidate is not None and len(self.cpus) >= self.candidate.n_cpus
        return self.candidate.layout.value if self.candidate is not None and is_whole else None


def make_sample(
    ports: NodePorts,
    container: Container,
    job: Job,
    in_force: InForce,
    window: ClosedWindow,
    *,
    mode: str,
    fingerprint: str | None = None,
    policy_digest: str | None,
    device: str = CPU_DEVICE,
    variant: str | None = None,
) -> Sample:
    """Join all that was observed of a job in a window."""
    latency = window.latency
    return Sample(
        node=ports.name,
        node_class=ports.identity.node_class,
        fingerprint=fingerprint or ports.identity.fingerprint,
        origin=ports.origin,
        job=job.name,
        container_id=container.id,
        image=image_of(container),
        model=job.model,
        variant=variant or job.variant,
        device=device,
        batch_size=_batch_size(job, latency),
        window_start=window.start,
        window_s=window.elapsed_s,
        cpuset=format_cpu_list(in_force.cpus),
        n_cpus=len(in_force.cpus),
        layout=in_force.layout,
        offered_rate_per_s=latency.offered_rate_per_s,
        served_rate_per_s=latency.served_rate_per_s,
        images=latency.n_images,
        latency_mean_ms=latency.mean_ms,
        latency_p50_ms=latency.told_quantile_ms(0.5),
        latency_p95_ms=latency.told_quantile_ms(0.95),
        latency_p99_ms=latency.told_quantile_ms(0.99),
        cpu_utilization=window.cpu_utilization,
        node_power_w=window.power_w,
        job_power_w=_job_power_w(ports, window),
        power_source=None if window.power_w is None else ports.power.source,
        contended=window.contended,
        target_ms=job.target.latency_ms,
        target_statistic=job.target.statistic.value,
        arm=in_force.arm,
        mode=mode,
        policy_digest=policy_digest,
        decision_id=in_force.decision_id,
        propensity=in_force.propensity,
    )


def _job_power_w(ports: NodePorts, window: ClosedWindow) -> float | None:
    """Watts above idle that the job stands for; None where one of the parts is not known."""
    idle_w, busy_s = ports.power.idle_w, window.busy_cpu_s
    if window.power_w is None or idle_w is None or busy_s is None:
        return None
    return attributed_power_w(window.power_w, idle_w, window.own_cpu_s, busy_s)


def _batch_size(job: Job, latency: LatencyWindow) -> int:
    """Images a request as they were seen; what its owner said while nothing was answered."""
    if not (latency.n_requests and latency.n_images):
        return job.batch_size
    return max(round(latency.n_images / latency.n_requests), 1)


def image_of(container: Container) -> str:
    """Name and digest of a container's image: a new image under an old name is another one."""
    digest = container.image_digest.removeprefix("sha256:")[:12]
    return f"{container.image}@{digest}" if digest else container.image
