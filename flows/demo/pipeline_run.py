"""One run of the pipeline's deployment, started and watched through Prefect's own client."""

from __future__ import annotations

import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    TaskRunFilter,
    TaskRunFilterFlowRunId,
)
from prefect.client.schemas.schedules import IntervalSchedule
from prefect.deployments import run_deployment

from flows.errors import DemoError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from uuid import UUID

    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import FlowRun

DEPLOYMENT = "pipeline/nightly"
POLL_S = 1.0
LEADS = (timedelta(seconds=20), timedelta(seconds=60), timedelta(seconds=180))
"""How long before it fires a schedule is made: Prefect makes no run for a time that is over when
it looks, which takes it 5 s, and longer on a busy machine."""
GRACE = timedelta(seconds=5)
SAME_S = 1.0


def run_pipeline(
    nodes: list[str], n_windows: int, n_points: int, say: Callable[[str], None], *, within_s: float
) -> FlowRun:
    """Have a schedule start the pipeline with a sweep first, and return the ended run.

    The schedule is made as a person makes one on the deployment's page, for a few seconds later.

    Raises:
        DemoError: it was not started, or did not end in time.
    """
    order = {
        "sweep_nodes_first": nodes,
        "n_windows": n_windows,
        "n_points": n_points,
        "why": "the demo's pipeline run",
        "rollout": "all",
    }
    with get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name(DEPLOYMENT)
        for lead in LEADS:
            at = datetime.now(UTC) + lead
            say(f"scheduled for {at:%H:%M:%S} UTC")
            with _schedule(client, deployment.id, at, {"order": order}):
                started = _run_at(client, deployment.id, at)
                if started is not None:
                    return _watch(client, started, say, within_s=within_s)
    raise DemoError(
        f"asked for a run of {DEPLOYMENT} by a schedule",
        f"there was none at {at:%H:%M:%S} UTC",
        "see the deployment's page in Prefect",
    )


def run_deployed(
    deployment: str, parameters: dict[str, Any], say: Callable[[str], None], *, within_s: float
) -> FlowRun:
    """Start a deployment, tell each task's end, and return the ended run.

    Raises:
        DemoError: it did not end in time.
    """
    started = cast(  # a coroutine only inside an event loop
        "FlowRun",
        run_deployment(deployment, parameters=parameters, timeout=0, as_subflow=False),
    )
    with get_client(sync_client=True) as client:
        return _watch(client, started, say, within_s=within_s)


@contextmanager
def _schedule(
    client: SyncPrefectClient, deployment_id: UUID, at: datetime, parameters: dict[str, Any]
) -> Iterator[None]:
    """Make a daily schedule that fires at a time, and have Prefect look at it now."""
    daily = IntervalSchedule(interval=timedelta(days=1), anchor_date=at)
    made = DeploymentScheduleCreate(schedule=daily, parameters=parameters)
    [schedule] = client.create_deployment_schedules(deployment_id, [made])
    client.resume_deployment(deployment_id)
    yield
    client.delete_deployment_schedule(deployment_id, schedule.id)


def _run_at(client: SyncPrefectClient, deployment_id: UUID, at: datetime) -> FlowRun | None:
    """The run that the schedule made for a time; None: that time is over and there is none."""
    of_it = DeploymentFilter(id=DeploymentFilterId(any_=[deployment_id]))
    while True:
        is_over = datetime.now(UTC) > at + GRACE
        for run in client.read_flow_runs(deployment_filter=of_it):
            if run.auto_scheduled and _is_at(run, at):
                return run
        if is_over:
            return None
        time.sleep(POLL_S)


def _is_at(run: FlowRun, at: datetime) -> bool:
    due = run.expected_start_time
    return due is not None and abs(due.timestamp() - at.timestamp()) < SAME_S


def _watch(
    client: SyncPrefectClient, started: FlowRun, say: Callable[[str], None], *, within_s: float
) -> FlowRun:
    """Tell each task's end, and return the ended run."""
    told: set[str] = set()
    deadline = time.monotonic() + within_s
    while True:
        run = client.read_flow_run(started.id)
        for line in _ended_tasks(client, run.id):
            if line not in told:
                told.add(line)
                say(line)
        if run.state is not None and run.state.is_final():
            return run
        if time.monotonic() > deadline:
            raise DemoError(
                f"asked for the run {run.name} within {within_s:.0f} s",
                f"it is {run.state_name}",
                "see its page in Prefect",
            )
        time.sleep(POLL_S)


def _ended_tasks(client: SyncPrefectClient, run_id: UUID) -> Iterator[str]:
    """One line for each task of a run that has ended, in the order of their ends."""
    mine = TaskRunFilter(flow_run_id=TaskRunFilterFlowRunId(any_=[run_id]))
    ended = [
        (task.end_time, f"{task.name.split('-')[0]}: {task.state_name}", task.total_run_time)
        for task in client.read_task_runs(task_run_filter=mine)
        if task.end_time is not None
    ]
    for _, what, took in sorted(ended):
        yield f"{what} after {took.total_seconds():.1f} s"
