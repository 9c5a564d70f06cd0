"""The proofs of one job as they outlive the process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from components.jobs.candidate import Allocation, Candidate
from components.jobs.target import Statistic
from components.node.cpuset import format_cpu_list, parse_cpu_list
from components.node.placement import Layout
from components.planning.proof import Proof

if TYPE_CHECKING:
    from components.actuation.host import Container
    from components.jobs.job import Job


@dataclass(frozen=True, slots=True)
class JobProofs:
    """What was proven, of just this job on just this node."""

    fingerprint: str
    """Of node and job; another one makes them worthless."""
    proofs: tuple[Proof, ...]


def fingerprint_of(node: str, container: Container, job: Job) -> str:
    """Name node state, image and model together; the target is not part of it."""
    return "|".join((node, container.image_digest, job.model, job.variant, str(job.batch_size)))


def asked_of(job: Job) -> tuple[object, ...]:
    """What its owner asks of a job."""
    return (job.target, job.min_cpus, job.max_cpus)


def work_of(job: Job) -> tuple[object, ...]:
    """What a job does: where that changes, nothing that was measured counts any more."""
    return (job.model, job.variant, job.batch_size)


def proofs_to_object(proofs: JobProofs) -> dict[str, object]:
    """Lay out for JSON."""
    return {
        "fingerprint": proofs.fingerprint,
        "proofs": [
            {
                "layout": proof.allocation.candidate.layout.value,
                "cpus": format_cpu_list(proof.allocation.cpus),
                "bound_ms": proof.bound_ms,
                "power_w": proof.power_w,
                "statistic": proof.statistic.value,
                "rate_per_s": proof.rate_per_s,
                "at_s": proof.at_s,
            }
            for proof in proofs.proofs
        ],
    }


def proofs_from_object(content: Any) -> JobProofs:
    """Read them back; KeyError, TypeError, ValueError or JoulepilotError where they are damaged."""
    return JobProofs(str(content["fingerprint"]), tuple(map(_proof, content["proofs"])))


def _proof(content: Any) -> Proof:
    cpus = parse_cpu_list(content["cpus"])
    return Proof(
        Allocation(Candidate(len(cpus), Layout(content["layout"])), cpus),
        float(content["bound_ms"]),
        float(content["power_w"]),
        Statistic(content["statistic"]),
        float(content["rate_per_s"]),
        float(content["at_s"]),
    )
