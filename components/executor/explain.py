"""Why a job has what it has: what was seen, wanted, ruled, and what else there was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.executor.explain_targets import (
    OtherTarget,
    options,
    other_targets,
    tell_other_targets,
)
from components.executor.heartbeat import job_status
from components.node.cpuset import format_cpu_list

if TYPE_CHECKING:
    from components.executor.job_run import JobRun
    from components.executor.loop import Executor
    from components.telemetry.heartbeat import JobStatus

N_CHOICES = 5


@dataclass(frozen=True, slots=True)
class Choice:
    """One candidate: as measured, or as the policy believes."""

    candidate: str
    latency_ms: float
    power_w: float
    is_measured: bool
    verdict: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything about one job's present allocation."""

    status: JobStatus
    text: str
    choices: tuple[Choice, ...]
    other_targets: tuple[OtherTarget, ...]


def explain(run: JobRun, executor: Executor) -> Explanation:
    """Explain a job to its operator."""
    choices = next_best(run)
    lines = [*_seen(run, executor), *_wanted(run), *_ruled(run), *_else(choices)]
    others = other_targets(run.job.target.latency_ms, options(run))
    lines += [*tell_other_targets(others), *executor.devices.explain(run)]
    lines += executor.variants.explain(run)
    return Explanation(job_status(run, executor.devices), "\n".join(lines), choices, others)


def next_best(run: JobRun) -> tuple[Choice, ...]:
    """The cheapest candidates that should keep the target; measurement beats belief."""
    measured = run.decision.evidence.measured
    choices = []
    for prediction in run.decision.predictions():
        known = measured.get(prediction.candidate)
        latency_ms = prediction.latency_ms if known is None else known.mean_ms
        power_w = prediction.power_w if known is None else known.power_w
        if not run.job.target.is_met_by(latency_ms):
            continue
        verdict = "predicted to keep the target"
        if known is not None:
            accepted = run.decision.evidence.accepts(prediction.candidate)
            verdict = "keeps the target" if accepted else "not shown to keep the target"
        choices.append(
            Choice(str(prediction.candidate), latency_ms, power_w, known is not None, verdict)
        )
    return tuple(sorted(choices, key=lambda choice: choice.power_w)[:N_CHOICES])


def _seen(run: JobRun, executor: Executor) -> list[str]:
    target, window, in_force = run.job.target, run.window, run.in_force
    lines = [
        f"{run.name}: target {target.latency_ms:g} ms per image ({target.statistic}), "
        f"mode {run.mode}",
        f"in force: CPUs {format_cpu_list(in_force.cpus)} "
        f"({in_force.candidate or 'no layout of ours'}), as {in_force.arm}, "
        f"decision {in_force.decision_id}",
    ]
    if window is None:
        return [*lines, "seen: no window yet"]
    latency_ms = window.statistic_ms(target)
    said = "nothing answered" if latency_ms is None else f"{latency_ms:.3g} ms"
    power = "power unknown" if window.power_w is None else f"node {window.power_w:.1f} W"
    source = executor.ports.power.source
    lines.append(
        f"seen: {said} over {window.elapsed_s:.1f} s, {window.latency.n_requests} requests, "
        f"{window.latency.offered_rate_per_s:.1f}/s offered, {power} ({source})"
        + (", contended" if window.contended else "")
    )
    return lines


def _wanted(run: JobRun) -> list[str]:
    step = run.decision.step
    digest = None if run.decision.brain is None else run.decision.brain.digest[:12]
    if step is None:
        return [f"policy: {digest or 'none decides'}; {run.decision.reason}"]
    kind = type(step).__name__.lower()
    return [f"policy {digest} wants: {kind} {step.candidate}, because: {step.reason}"]


def _ruled(run: JobRun) -> list[str]:
    lines = []
    if run.denied is not None:
        lines.append(f"plan: not now, {run.denied}")
    if run.ruling is not None and run.ruling.is_overruled:
        lines.append(f"guard overruled by rule {run.ruling.rule}: {run.ruling.reason}")
    elif run.ruling is not None:
        lines.append("guard: let it through")
    if run.trouble is not None:
        lines.append(f"trouble: {run.trouble}")
    return lines


def _else(choices: tuple[Choice, ...]) -> list[str]:
    if not choices:
        return ["other choices: none known yet"]
    lines = ["choices by power:"]
    for choice in choices:
        origin = "measured" if choice.is_measured else "predicted"
        lines.append(
            f"  {choice.candidate:<24} {choice.latency_ms:8.3g} ms {choice.power_w:8.1f} W  "
            f"{origin}; {choice.verdict}"
        )
    return lines
