"""The flows that Prefect runs: recipes of plain functions, wrapped here and nowhere else."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from prefect import flow, task
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from components.settings.settings import resolve
from flows import approval_run, artifacts, checked_lake, device_learning, learning, sweeping
from flows.ending import Wanted, conclude
from flows.errors import NoTableError
from flows.forms import (
    DEFAULT_DEVICE_TRAINING,
    DEFAULT_PIPELINE,
    DEFAULT_TRAINING,
    DeviceTrainingForm,
    PipelineForm,
    SweepForm,
    TrainingForm,
)
from flows.habits import BY_FLOW, DAY_S, HOUR_S, ONCE, RETRIES, TURN_S, WATCHED
from flows.on_call_flows import roll_out
from flows.releasing import champion_digest, learned_from
from flows.triggers.cause import ask
from flows.triggers.event import emit
from flows.triggers.of_data import causes_of_data

if TYPE_CHECKING:
    from flows.device_learning import DeviceChallenger
    from flows.learning import Challenger

ingest_telemetry = task(name="ingest", timeout_seconds=600, **RETRIES)(
    checked_lake.ingest_telemetry
)
check_samples = task(name="check", timeout_seconds=600, **RETRIES)(checked_lake.check_samples)
check_measurements = task(name="check devices", timeout_seconds=600, **RETRIES)(
    checked_lake.check_measurements
)
sweep_nodes = task(name="sweep", **ONCE)(sweeping.sweep_nodes)
train_device_challenger = task(name="retrain devices", timeout_seconds=3600, **RETRIES)(
    device_learning.train_device_challenger
)
train_challenger = task(name="retrain", timeout_seconds=3600, **RETRIES)(learning.train_challenger)


@flow(
    name="sweep",
    description="Have nodes try allocations on purpose, and wait for them.",
    timeout_seconds=DAY_S,
    **WATCHED,
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
    **WATCHED,
)
def check() -> State[None]:
    """Spool to `raw` to `samples` and `quarantine`."""
    settings = resolve({}).settings
    artifacts.ingest(ingest_telemetry(settings))
    report = check_samples(settings)
    artifacts.check(report)
    if not report.verdict:
        return Failed(name="Bad data", message=report.verdict_reason)
    devices = check_measurements(settings)
    if not devices.verdict:
        return Failed(name="Bad device data", message=devices.verdict_reason)
    causes = causes_of_data(
        settings.home,
        learned_from(settings.home),
        champion_digest(settings.home),
    )
    ask(settings.home, causes, datetime.now(UTC), emit)
    return Completed(name="Checked", message=report.verdict_reason)


@flow(
    name="retrain",
    description="Train, score, judge and register a challenger; have it tried where that is asked.",
    timeout_seconds=4 * HOUR_S,
    **WATCHED,
)
def retrain(training: TrainingForm = DEFAULT_TRAINING) -> State[None]:
    """Checked samples to a judged version, and on to the nodes where that is asked."""
    cause = f"asked for by: {training.cause}" if training.cause else training.why
    return _conclude(_train(training.seed), training.rollout, cause)


@flow(
    name="retrain devices",
    description="Train, score, judge and register a device classifier; release it if asked.",
    timeout_seconds=4 * HOUR_S,
    **WATCHED,
)
def retrain_devices(training: DeviceTrainingForm = DEFAULT_DEVICE_TRAINING) -> State[None]:
    """The newest device table to a judged version, and on to the nodes where that is asked."""
    settings = resolve({}).settings
    try:
        table = device_learning.newest_table(settings.home)
    except NoTableError as error:
        return Completed(name="No table", message=f"{error.found}; {error.remedy}")
    with artifacts.progress("retrain-devices") as tell:
        challenger = train_device_challenger(
            settings,
            table=table,
            node_classes=tuple(training.node_classes),
            seed=training.seed,
            progress=tell,
            wait_s=TURN_S,
        )
    artifacts.device_challenger(challenger)
    return _conclude(challenger, training.rollout, training.why)


@flow(
    name="pipeline",
    description="Ingest, check, retrain, canary: from telemetry to what nodes run.",
    timeout_seconds=DAY_S,
    **WATCHED,
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
    return _conclude(_train(order.seed), order.rollout, order.why)


def _conclude(challenger: Challenger | DeviceChallenger, rollout: str, why: str) -> State[None]:
    ending = conclude(
        resolve({}).settings,
        challenger.version,
        challenger.verdict,
        Wanted(rollout, BY_FLOW, why, challenger.evidence),
        ask=approval_run.start,
        roll_out=roll_out,
    )
    if ending.outcome is not None:
        artifacts.release(ending.outcome)
    return Completed(name=ending.name, message=f"{ending.message} ({why})")


def _sweep(order: sweeping.SweepOrder, why: str) -> None:
    with artifacts.progress("sweep") as tell:
        result = sweep_nodes(resolve({}).settings, order, who=BY_FLOW, why=why, progress=tell)
    artifacts.sweep(result)


def _train(seed: int) -> Challenger:
    with artifacts.progress("retrain") as tell:
        challenger = train_challenger(resolve({}).settings, seed=seed, progress=tell, wait_s=TURN_S)
    artifacts.challenger(challenger)
    return challenger
