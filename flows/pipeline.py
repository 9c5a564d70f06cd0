"""The flows that Prefect runs: recipes of plain functions, wrapped here and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed
from prefect.tasks import exponential_backoff

from components.errors import TemporaryError
from components.settings.settings import resolve
from flows import artifacts, checked_lake, learning, releasing, sweeping
from flows.forms import (
    DEFAULT_PIPELINE,
    DEFAULT_TRAINING,
    PipelineForm,
    PromotionForm,
    RollbackForm,
    SweepForm,
    TrainingForm,
)

if TYPE_CHECKING:
    from prefect import Task
    from prefect.client.schemas.objects import TaskRun

    from flows.learning import Challenger

BY_SCHEDULE = "joulepilot flows"
RETRY_S = 2
HOUR_S = 3600
DAY_S = 24 * HOUR_S


async def can_help(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    """Whether trying again can help: the raiser of the error decided that."""
    result = await state.aresult(raise_on_failure=False)
    return isinstance(result, TemporaryError)


RETRIES: dict[str, Any] = {
    "cache_policy": NO_CACHE,
    "retries": 3,
    "retry_delay_seconds": exponential_backoff(RETRY_S),
    "retry_jitter_factor": 0.5,
    "retry_condition_fn": can_help,
}
ONCE: dict[str, Any] = {"cache_policy": NO_CACHE}

ingest_telemetry = task(name="ingest", timeout_seconds=600, **RETRIES)(
    checked_lake.ingest_telemetry
)
check_samples = task(name="check", timeout_seconds=600, **RETRIES)(checked_lake.check_samples)
sweep_nodes = task(name="sweep", **ONCE)(sweeping.sweep_nodes)
train_challenger = task(name="retrain", timeout_seconds=3600, **RETRIES)(learning.train_challenger)
promote_version = task(name="promote", timeout_seconds=120, **RETRIES)(releasing.promote_version)
roll_back = task(name="rollback", timeout_seconds=120, **RETRIES)(releasing.roll_back)


@flow(
    name="sweep",
    description="Have nodes try allocations on purpose, and wait for them.",
    timeout_seconds=DAY_S,
)
def sweep(order: SweepForm) -> None:
    """Ask for a sweep through the release log."""
    _sweep(
        sweeping.SweepOrder(
            nodes=tuple(order.nodes),
            n_windows=order.n_windows,
            n_points=order.n_points,
            timeout_s=order.timeout_s,
        ),
        order.why,
    )


@flow(name="ingest", description="Move received telemetry into the lake.", timeout_seconds=HOUR_S)
def ingest() -> None:
    """Spool to `raw`."""
    artifacts.ingest(ingest_telemetry(resolve({}).settings))


@flow(
    name="check",
    description="Ingest, then judge every new row: samples or quarantine.",
    timeout_seconds=HOUR_S,
)
def check() -> State[None]:
    """Spool to `raw` to `samples` and `quarantine`."""
    settings = resolve({}).settings
    artifacts.ingest(ingest_telemetry(settings))
    report = check_samples(settings)
    artifacts.check(report)
    if not report.verdict:
        return Failed(name="Bad data", message=report.verdict_reason)
    return Completed(name="Checked", message=report.verdict_reason)


@flow(
    name="retrain",
    description="Train, score, judge and register a challenger.",
    timeout_seconds=4 * HOUR_S,
)
def retrain(training: TrainingForm = DEFAULT_TRAINING) -> State[None]:
    """Checked samples to a judged version; what runs stays in force."""
    challenger = _train(training.seed)
    name = "Passed the gate" if challenger.verdict.passed else "Not better"
    return Completed(name=name, message=artifacts.verdict_sentence(challenger.verdict))


@flow(
    name="promote",
    description="Make a registered version run everywhere, if the gate lets it.",
    timeout_seconds=HOUR_S,
)
def promote(promotion: PromotionForm) -> State[None]:
    """A version's number or digest to an entry of the release log."""
    settings = resolve({}).settings
    found = releasing.find_version(settings, promotion.version)
    outcome = promote_version(settings, found, who=BY_SCHEDULE, why=promotion.why)
    artifacts.release(outcome)
    return Completed(name="Promoted", message=outcome.sentence)


@flow(
    name="rollback",
    description="Go back to the policy before, or to that of a release.",
    timeout_seconds=HOUR_S,
)
def rollback(back: RollbackForm) -> State[None]:
    """A new entry of the release log with an older policy."""
    settings = resolve({}).settings
    outcome = roll_back(settings, who=BY_SCHEDULE, why=back.why, to=back.to_release)
    artifacts.release(outcome)
    return Completed(name="Rolled back", message=outcome.sentence)


@flow(
    name="pipeline",
    description="Ingest, check, retrain, promote: from telemetry to what nodes run.",
    timeout_seconds=DAY_S,
)
def pipeline(order: PipelineForm = DEFAULT_PIPELINE) -> State[None]:
    """The whole slow path; with nodes named it begins with a sweep of them."""
    settings = resolve({}).settings
    if order.sweep_nodes_first:
        first = sweeping.SweepOrder(
            nodes=tuple(order.sweep_nodes_first), n_windows=order.n_windows, n_points=order.n_points
        )
        _sweep(first, order.why)
    artifacts.ingest(ingest_telemetry(settings))
    report = check_samples(settings)
    artifacts.check(report)
    if not report.verdict:
        return Failed(name="Bad data", message=report.verdict_reason)
    challenger = _train(order.seed)
    if not challenger.verdict.passed:
        return Completed(name="Not better", message=artifacts.verdict_sentence(challenger.verdict))
    evidence = {"lake_version": challenger.lake_version}
    outcome = promote_version(
        settings, challenger.version, who=BY_SCHEDULE, why=order.why, evidence=evidence
    )
    artifacts.release(outcome)
    return Completed(name="Promoted", message=outcome.sentence)


def _sweep(order: sweeping.SweepOrder, why: str) -> None:
    with artifacts.progress("sweep") as tell:
        result = sweep_nodes(resolve({}).settings, order, who=BY_SCHEDULE, why=why, progress=tell)
    artifacts.sweep(result)


def _train(seed: int) -> Challenger:
    with artifacts.progress("retrain") as tell:
        challenger = train_challenger(resolve({}).settings, seed=seed, progress=tell)
    artifacts.challenger(challenger)
    return challenger
