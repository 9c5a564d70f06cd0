"""One run of the pipeline's deployment, started and watched through Prefect's own client."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, cast

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import TaskRunFilter, TaskRunFilterFlowRunId
from prefect.deployments import run_deployment

from flows.errors import DemoError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from uuid import UUID

    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import FlowRun

DEPLOYMENT = "pipeline/nightly"
POLL_S = 1.0


def run_pipeline(
    nodes: list[str], n_windows: int, n_points: int, say: Callable[[str], None], *, within_s: float
) -> FlowRun:
    """Start the pipeline with a sweep first, tell each task's end, and return the ended run.

    Raises:
        DemoError: it did not end in time.
    """
    order = {
        "sweep_nodes_first": nodes,
        "n_windows": n_windows,
        "n_points": n_points,
        "why": "the demo's pipeline run",
    }
    return run_deployed(DEPLOYMENT, {"order": order}, say, within_s=within_s)


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
    told: set[str] = set()
    deadline = time.monotonic() + within_s
    with get_client(sync_client=True) as client:
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
                    f"asked for the run {run.name} of {deployment} within {within_s:.0f} s",
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
