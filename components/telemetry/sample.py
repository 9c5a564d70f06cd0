"""A sample: what was observed of one job over one closed window. The contract of the lake."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

SAMPLE_EVENT = "joulepilot.sample"
HEARTBEAT_EVENT = "joulepilot.heartbeat"


class Origin(StrEnum):
    """Whether a node was there or made up."""

    RECORDED = "recorded"
    SIMULATED = "simulated"


class PowerSource(StrEnum):
    """How a power figure came to be."""

    MEASURED = "measured"
    ATTRIBUTED = "attributed"
    MODELLED = "modelled"


class Arm(StrEnum):
    """Why a sample's allocation was in force."""

    POLICY = "policy"
    PROBE = "probe"
    CANARY = "canary"
    HOLDBACK = "holdback"
    SWEEP = "sweep"
    OPERATOR = "operator"
    ORIGINAL = "original"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One row of the lake; the key is (node, job, window_start).

    What was not observed is None, never 0. Times are UTC. Latencies are at the server, queueing
    included, divided by images. A sample carries what was seen, also when it is implausible:
    judging it is the matter of `data_checks`.
    """

    node: str
    node_class: str
    fingerprint: str
    origin: Origin
    job: str
    container_id: str
    image: str
    model: str
    variant: str
    device: str
    batch_size: int
    window_start: datetime
    window_s: float
    cpuset: str
    n_cpus: int
    layout: str | None
    """None where the CPUs in force follow no layout of ours."""
    frequency_mhz: float | None = None
    offered_rate_per_s: float | None = None
    served_rate_per_s: float | None = None
    images: int | None = None
    latency_mean_ms: float | None = None
    latency_p50_ms: float | None = None
    latency_p95_ms: float | None = None
    latency_p99_ms: float | None = None
    cpu_utilization: tuple[float, ...] | None = None
    """One per logical CPU of the node, ascending by id, in [0, 1]."""
    node_power_w: float | None = None
    job_power_w: float | None = None
    core_power_w: tuple[float, ...] | None = None
    power_source: PowerSource | None = None
    gpu_utilization: float | None = None
    gpu_power_w: float | None = None
    gpu_state: str | None = None
    contended: bool | None = None
    target_ms: float
    target_statistic: str
    arm: Arm
    mode: str
    policy_digest: str | None = None
    decision_id: str | None = None
    propensity: float | None = None

    @property
    def key(self) -> tuple[str, str, datetime]:
        """What makes a sample one of its kind."""
        return (self.node, self.job, self.window_start)


SAMPLE_FIELDS: tuple[str, ...] = tuple(field.name for field in fields(Sample))
