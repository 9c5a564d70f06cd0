"""Registers our flows with Prefect, with their schedules, and runs what is due.

`python -m flows.serve [FLOW/NAME …]`, with the environment of `flows.environment`.
"""

from __future__ import annotations

import contextlib
import os
import sys
from datetime import timedelta
from importlib.metadata import version
from typing import TYPE_CHECKING, cast

import httpx
from prefect import serve
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.exceptions import ObjectAlreadyExists, PrefectHTTPStatusError
from prefect.schedules import Cron, Interval
from prefect.types.entrypoint import EntrypointType

from flows import on_call_flows, pipeline
from flows.left_behind import end_left_behind
from flows.schedules import leave_to_people
from flows.silent_runs import end_silent_runs
from flows.triggers.event import retrain_when_asked

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from prefect.deployments.runner import RunnerDeployment

ONE_AT_A_TIME = ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.ENQUEUE)
CHECK_EVERY = timedelta(minutes=5)
WEEKLY = "0 6 * * 1"
NIGHTLY = "0 2 * * *"
DEVICES_WEEKLY = "0 3 * * 0"


def deployments(check_every: timedelta = CHECK_EVERY) -> tuple[RunnerDeployment, ...]:
    """Every flow as a deployment; the scheduled ones with their schedules, the pipeline last."""
    common: dict[str, Any] = {
        "concurrency_limit": ONE_AT_A_TIME,
        "entrypoint_type": EntrypointType.MODULE_PATH,
        "tags": ["joulepilot"],
        "version": version("joulepilot"),
    }
    made = (
        pipeline.sweep.to_deployment("by-hand", **common),
        pipeline.ingest.to_deployment("by-hand", **common),
        pipeline.check.to_deployment(
            "regularly", schedule=Interval(check_every, slug="regularly"), **common
        ),
        pipeline.retrain.to_deployment("by-hand", triggers=[retrain_when_asked()], **common),
        pipeline.retrain_devices.to_deployment(
            "weekly", schedule=Cron(DEVICES_WEEKLY, timezone="UTC", slug="weekly"), **common
        ),
        on_call_flows.promote.to_deployment("by-hand", **common),
        on_call_flows.rollback.to_deployment("by-hand", **common),
        on_call_flows.approval.to_deployment("by-hand", **{**common, "concurrency_limit": None}),
        on_call_flows.savings.to_deployment(
            "weekly", schedule=Cron(WEEKLY, timezone="UTC", slug="weekly"), **common
        ),
        pipeline.pipeline.to_deployment(
            "nightly", schedule=Cron(NIGHTLY, timezone="UTC", slug="nightly"), **common
        ),
    )
    return cast("tuple[RunnerDeployment, ...]", made)  # coroutines only inside an event loop


def serve_all(made: Sequence[RunnerDeployment]) -> None:
    """Register deployments, with our schedules where they are new, and run what is due.

    Runs that a killed runner left behind are ended first.

    Raises:
        httpx.TransportError: Prefect does not answer.
    """
    with get_client(sync_client=True) as client:
        leave_to_people(made, client)
        end_left_behind(made, client)
    serve(*made, pause_on_shutdown=False, print_starting_message=False)


def deploy_all(made: Sequence[RunnerDeployment], *, pool: str) -> list[str]:
    """Register deployments for the workers of a pool, which is made if it is not there.

    Runs under way are left alone: other workers may run them. Those that fall silent are ended.

    Raises:
        httpx.TransportError: Prefect does not answer.
        PrefectHTTPStatusError: it refuses.
    """
    with get_client(sync_client=True) as client:
        leave_to_people(made, client)
        with contextlib.suppress(ObjectAlreadyExists):
            client.create_work_pool(WorkPoolCreate(name=pool, type="process"))
        end_silent_runs(client)
    for deployment in made:
        deployment.apply(work_pool_name=pool)
    return [deployment.full_name for deployment in made]


def main(names: Sequence[str]) -> int:
    """Serve until SIGTERM or Ctrl-C; 1 when Prefect does not answer, or refuses the login.

    Args:
        names: of the deployments to serve, as `FLOW/NAME`; none: all.
    """
    try:
        serve_all([made for made in deployments() if not names or made.full_name in names])
    except (httpx.TransportError, PrefectHTTPStatusError) as error:
        is_away = isinstance(error, httpx.TransportError)
        found = "it does not answer" if is_away else "it does not take them"
        sys.stderr.write(
            f"asked to register the flows with Prefect at {os.environ.get('PREFECT_API_URL')}\n"
            f"  what is true: {found}: {error}\n"
            "  what to do: start `joulepilot up`, name the right server in PREFECT_API_URL, or\n"
            "  log in by prefect_login_file\n"
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
