"""What the node says of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.executor.calibration import report_of
from components.executor.job_run import reach
from components.jobs.job import Mode
from components.node.cpuset import format_cpu_list
from components.node.topology_text import topology_text
from components.telemetry.heartbeat import CalibrationStatus, Heartbeat, JobStatus

if TYPE_CHECKING:
    from datetime import datetime

    from components.executor.device_desk import DeviceDesk
    from components.executor.job_run import JobRun
    from components.executor.loop import Executor


def heartbeat_of(executor: Executor, time: datetime) -> Heartbeat:
    """Sum up a node for `joulepilot status`."""
    followed, meter = executor.followed, executor.meter
    return Heartbeat(
        node=executor.ports.name,
        node_class=executor.ports.identity.node_class,
        fingerprint=executor.fingerprint.identity.fingerprint,
        origin=executor.ports.origin,
        time=time,
        release=followed.release,
        policy_digest=followed.policy_digest,
        topology=topology_text(executor.ports.topology),
        device_digest=None if followed.devices is None else followed.devices.digest,
        mode=reach(executor.settings.mode, followed.mode_allowed).value,
        paused=executor.is_paused,
        blocked_digests=followed.blocked_digests,
        health=health_of(executor),
        node_power_w=meter.power_w,
        power_source=None if meter.power_w is None else meter.source.value,
        sweep=executor.sweeping.status,
        experiment=executor.arms.status(),
        calibration=calibration_of(executor),
        jobs=tuple(
            job_status(run, executor.devices, is_sweeping=executor.sweeping.is_running)
            for run in executor.runs
        ),
    )


def job_status(run: JobRun, devices: DeviceDesk, *, is_sweeping: bool = False) -> JobStatus:
    """One job as it is now."""
    in_force, step = run.in_force, run.decision.step
    return JobStatus(
        name=run.name,
        mode=run.mode.value,
        arm=in_force.arm.value,
        target_ms=run.job.target.latency_ms,
        target_statistic=run.job.target.statistic.value,
        latency_ms=None if run.window is None else run.window.statistic_ms(run.job.target),
        cpuset=format_cpu_list(in_force.cpus),
        n_cpus=len(in_force.cpus),
        layout=in_force.layout,
        state=state_of(run, is_sweeping=is_sweeping),
        wanted=None if step is None else str(step.candidate),
        reason=reason_of(run),
        device=devices.device_of(run),
        device_reason=devices.reason_of(run),
    )


def state_of(run: JobRun, *, is_sweeping: bool = False) -> str:
    """What the executor is doing with a job, in a word."""
    if run.mode is Mode.OFF:
        return "off"
    if run.hold is not None:
        return "held"
    if is_sweeping:
        return "sweeping"
    if run.is_idle:
        return "idle"
    if run.denied is not None:
        return "waiting"
    return run.decision.phase.value


def reason_of(run: JobRun) -> str:
    """Why, in a sentence."""
    if run.trouble is not None:
        return run.trouble
    if run.denied is not None:
        return run.denied
    if run.ruling is not None and run.ruling.is_overruled:
        return f"{run.decision.reason}; but: {run.ruling.reason}"
    return run.decision.reason


def calibration_of(executor: Executor) -> tuple[CalibrationStatus, ...]:
    """How the predictions of champion and challenger fit what the jobs of this node showed."""
    followed, found = executor.followed, []
    for role, brain in (("champion", followed.brain), ("challenger", followed.challenger)):
        errors = [pair for run in executor.runs for pair in _errors(run, role)]
        if brain is not None and errors:
            report = report_of(errors)
            found.append(
                CalibrationStatus(
                    role=role,
                    digest=brain.digest,
                    n=report.n,
                    mean_log_error=report.mean_log_error,
                    median_abs_log_error=report.median_abs_log_error,
                    share_within_2_sigma=report.share_within_2_sigma,
                )
            )
    return tuple(found)


def _errors(run: JobRun, role: str) -> tuple[tuple[float, float], ...]:
    if role == "challenger":
        return () if run.shadow is None else run.shadow.calibration.errors
    champion = run.rival if run.is_challenged else run.decision
    return () if champion is None else champion.trust.calibration.errors


def health_of(executor: Executor) -> tuple[str, ...]:
    """Everything that is wrong, a line each."""
    lines = [*executor.followed.health, *executor.roster.health, *executor.meter.health]
    lines += [*executor.fingerprint.health, *executor.administering.health]
    lines += [*executor.journal.health, *executor.store.health, *executor.devices.health]
    lines += (*executor.deferrals.health, *executor.variants.health)
    for run in executor.runs:
        if run.trouble is not None:
            lines.append(f"{run.name}: {run.trouble}")
        if run.observer.error is not None:
            lines.append(f"{run.name} cannot be read: {run.observer.error}")
    return tuple(lines)
