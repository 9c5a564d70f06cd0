"""Runs that a killed runner left behind as "Running": they would hold their deployment's slot."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterName,
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.states import Crashed

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from prefect.client.orchestration import SyncPrefectClient
    from prefect.deployments.runner import RunnerDeployment

logger = logging.getLogger(__name__)
UNDER_WAY = [StateType.RUNNING, StateType.PENDING, StateType.CANCELLING]


def end_left_behind(
    deployments: Iterable[RunnerDeployment], client: SyncPrefectClient
) -> tuple[UUID, ...]:
    """Mark runs of these deployments that are under way as crashed, before a runner starts.

    Only one runner serves them, and it starts with none; so whoever ran these is gone.

    Returns:
        The runs that were ended.
    """
    ended = []
    for deployment in deployments:
        runs = client.read_flow_runs(
            flow_filter=FlowFilter(name=FlowFilterName(any_=[deployment.flow_name or ""])),
            deployment_filter=DeploymentFilter(name=DeploymentFilterName(any_=[deployment.name])),
            flow_run_filter=FlowRunFilter(
                state=FlowRunFilterState(type=FlowRunFilterStateType(any_=UNDER_WAY))
            ),
        )
        for run in runs:
            reason = "the process that ran it ended; what it had committed stays"
            client.set_flow_run_state(run.id, Crashed(message=reason), force=True)
            logger.warning("%s, run %s: %s", deployment.full_name, run.name, reason)
            ended.append(run.id)
    return tuple(ended)
