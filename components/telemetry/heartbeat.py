"""A heartbeat: what a node says of itself every two seconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from components.telemetry.sample import Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStatus:
    """One job as its node sees it now; None is "not observed"."""

    name: str
    mode: str
    arm: str
    target_ms: float
    target_statistic: str
    latency_ms: float | None
    """The target's statistic over the last closed window."""
    cpuset: str
    n_cpus: int
    layout: str | None
    state: str
    """What the executor is doing with it: `searching`, `confirming`, `settled`, `held`, …"""
    wanted: str | None = None
    """What the policy would give it, in words; differs from what is in force in `recommend`."""
    reason: str | None = None
    device: str | None = None
    """In force by the server's word."""
    device_reason: str | None = None
    """Why; None for jobs whose device is not chosen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepStatus:
    """How far the sweep asked for by an entry of the release log is."""

    sequence: int
    done: int
    total: int
    state: str
    """`running`, `done` or `failed`."""
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentStatus:
    """How the arms of an experiment on this node stand."""

    kind: str
    """`canary` or `holdback`."""
    digest: str | None
    """Of the challenger."""
    state: str
    """`warming-up`, `running`, `won`, `regressed`, `undecided`."""
    n_pairs: int
    energy_ratio: float | None
    """Node joules per image, challenger over champion; None while it is not known."""
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationStatus:
    """How one policy's latency predictions fit what this node's jobs then showed."""

    role: str
    """`champion` decides, `challenger` predicts beside it."""
    digest: str
    n: int
    mean_log_error: float | None
    """Measured over predicted; above 0: too optimistic."""
    median_abs_log_error: float | None
    share_within_2_sigma: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """What `joulepilot status` knows of a node."""

    node: str
    node_class: str
    fingerprint: str
    origin: Origin
    time: datetime
    """UTC, by the node's clock."""
    release: int | None
    """Sequence of the release-log entry in force; None before the first."""
    policy_digest: str | None
    mode: str
    paused: bool
    topology: str | None = None
    """As `components.node.topology_text` writes it."""
    device_digest: str | None = None
    """Of the device classifier in force; None: there is none."""
    blocked_digests: tuple[str, ...] = ()
    health: tuple[str, ...] = ()
    """One line per thing that is wrong; empty when all is well."""
    node_power_w: float | None = None
    power_source: str | None = None
    sweep: SweepStatus | None = None
    experiment: ExperimentStatus | None = None
    calibration: tuple[CalibrationStatus, ...] = ()
    jobs: tuple[JobStatus, ...] = field(default=())
