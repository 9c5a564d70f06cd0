"""Telling of a flow run that failed; hooks that Prefect calls."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from components.settings.settings import resolve
from flows.errors import AddressError
from flows.telling.findings import Finding
from flows.telling.teller import addresses, apprise_send

if TYPE_CHECKING:
    from prefect import Flow
    from prefect.client.schemas.objects import FlowRun, State

logger = logging.getLogger(__name__)


def finding_of(flow_name: str, run_name: str, run_id: str, state: State[Any]) -> Finding:
    """What a failed run is told as."""
    return Finding(
        f"run {run_id}",
        f"{flow_name} ended as {state.name}",
        f"Run {run_name} of {flow_name} ended as {state.name}: {state.message}",
        f"open its page in Prefect: /runs/flow-run/{run_id}; what runs on the nodes is unchanged",
    )


def tell_failure(flow: Flow[Any, Any], run: FlowRun, state: State[Any]) -> None:
    """Tell once; a message that cannot be sent fails nothing."""
    finding = finding_of(flow.name, run.name, str(run.id), state)
    try:
        send = apprise_send(addresses(resolve({}).settings.notify_file))
    except AddressError as error:
        logger.warning("nobody is told: %s", error)
        return
    if not send(f"joulepilot: {finding.title}", finding.message):
        logger.error("could not tell anyone that %s", finding.title)
