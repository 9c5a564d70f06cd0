"""Runs that nothing was heard of for too long: their machine died, and their worker with it.

A runner of ours ends at its start what it left behind (`flows.left_behind`). Of a pool's workers
nobody knows which other one still works, so there the runs themselves are listened to.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

NAME = "joulepilot: end runs that fell silent"
SILENT_FOR = timedelta(minutes=10)
"""Three times as long as Prefect's own heartbeat of a run; a server away for longer ends it."""
_RUN, _HEARTBEAT = "prefect.flow-run.*", "prefect.flow-run.heartbeat"


def end_silent_runs(client: SyncPrefectClient, *, after: timedelta = SILENT_FOR) -> None:
    """Have Prefect mark runs as crashed that fell silent; what people made of the rule stays.

    A run that ended or waits for a person said so, whatever its state is named: it is not silent.

    Raises:
        httpx.TransportError: Prefect does not answer.
    """
    if client.read_automations_by_name(NAME):
        return
    trigger = EventTrigger(
        after={_HEARTBEAT},
        expect={_RUN},
        match=ResourceSpecification({"prefect.resource.id": [_RUN]}),
        for_each={"prefect.resource.id"},
        posture=Posture.Proactive,
        threshold=1,
        within=after,
    )
    crashed = ChangeFlowRunState(
        name=None,
        state=StateType.CRASHED,
        message="nothing was heard of it; what it had committed stays",
        force=False,
    )
    client.create_automation(
        AutomationCore(name=NAME, trigger=trigger, actions=[crashed], enabled=True)
    )
