"""The Prefect run that waits for a person; its form or the command line answers it."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx
from prefect.client.orchestration import get_client
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
from prefect.deployments import run_deployment
from prefect.exceptions import PrefectHTTPStatusError

from components.policy.manifest import CORE_ALLOCATOR
from flows.approvals import Decision, ask_approval, decide

if TYPE_CHECKING:
    from components.registry.facts import RegisteredVersion
    from components.settings.settings import Settings
    from flows.approvals import Request
    from flows.forms import Answer

logger = logging.getLogger(__name__)
FLOW, DEPLOYMENT = "approval", "by-hand"
APPROVE, REJECT = "approve", "reject"


def ask(settings: Settings, version: RegisteredVersion, *, why: str, rollout: str) -> Request:
    """Write down that a version waits for a person."""
    return ask_approval(settings.home, version, why, datetime.now(UTC), rollout)


def start(settings: Settings, version: RegisteredVersion, *, why: str, rollout: str) -> Request:
    """Ask, and start the run whose page has the form."""
    asked = ask(settings, version, why=why, rollout=rollout)
    request = {
        "version": str(version.version),
        "policy": version.policy,
        "why": why,
        "rollout": rollout,
    }
    parameters = {"request": request}
    run_deployment(f"{FLOW}/{DEPLOYMENT}", parameters=parameters, timeout=0, as_subflow=False)
    return asked


def answered(settings: Settings, asked: Request, answer: Answer) -> Request:
    """Take the answer of the form.

    Raises:
        ApprovalError: someone decided otherwise meanwhile, or its time is over.
    """
    decision = Decision(answer.decision == APPROVE, answer.who, answer.why, datetime.now(UTC))
    return decide(settings.home, asked.digest, decision)


def close_form(version: RegisteredVersion, decision: Decision) -> str | None:
    """Resume the run that waits for this version with an answer given elsewhere.

    Returns:
        Why that could not be done; the decision stands without it.
    """
    waiting = FlowRunFilter(
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.PAUSED]))
    )
    word = APPROVE if decision.approved else REJECT
    form = {"decision": word, "who": decision.who, "why": decision.why}
    try:
        with get_client(sync_client=True) as client:
            for run in client.read_flow_runs(
                flow_filter=FlowFilter(name=FlowFilterName(any_=[FLOW])),
                deployment_filter=DeploymentFilter(name=DeploymentFilterName(any_=[DEPLOYMENT])),
                flow_run_filter=waiting,
            ):
                request = run.parameters.get("request", {})
                policy = request.get("policy", CORE_ALLOCATOR)
                if (policy, request.get("version")) == (version.policy, str(version.version)):
                    client.resume_flow_run(run.id, run_input=form)
    except (httpx.TransportError, PrefectHTTPStatusError) as error:
        logger.warning("the form in Prefect stays open: %s", error)
        return str(error)
    return None
