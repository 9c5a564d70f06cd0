"""Registers our flows with Prefect, with their schedules, and runs what is due.

`python -m flows.serve`, with the environment of `flows.environment`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, cast

from prefect import serve
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.schedules import Cron, Interval
from prefect.types.entrypoint import EntrypointType

from flows import pipeline

if TYPE_CHECKING:
    from typing import Any

    from prefect.deployments.runner import RunnerDeployment

ONE_AT_A_TIME = ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.ENQUEUE)
CHECK_EVERY = timedelta(minutes=5)
NIGHTLY = "0 2 * * *"


def deployments(check_every: timedelta = CHECK_EVERY) -> tuple[RunnerDeployment, ...]:
    """Every flow as a deployment; the scheduled ones with their schedules, the pipeline last."""
    common: dict[str, Any] = {
        "concurrency_limit": ONE_AT_A_TIME,
        "entrypoint_type": EntrypointType.MODULE_PATH,
        "tags": ["joulepilot"],
    }
    made = (
        pipeline.sweep.to_deployment("by-hand", **common),
        pipeline.ingest.to_deployment("by-hand", **common),
        pipeline.check.to_deployment(
            "regularly", schedule=Interval(check_every, slug="regularly"), **common
        ),
        pipeline.retrain.to_deployment("by-hand", **common),
        pipeline.promote.to_deployment("by-hand", **common),
        pipeline.rollback.to_deployment("by-hand", **common),
        pipeline.pipeline.to_deployment(
            "nightly", schedule=Cron(NIGHTLY, timezone="UTC", slug="nightly"), **common
        ),
    )
    return cast("tuple[RunnerDeployment, ...]", made)  # coroutines only inside an event loop


if __name__ == "__main__":
    serve(*deployments(), pause_on_shutdown=False, print_starting_message=False)
