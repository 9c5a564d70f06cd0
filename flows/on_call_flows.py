"""The flows that people start from a form: promote, answer, go back, read what was saved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from prefect import flow, task
from prefect.client.schemas.objects import State
from prefect.flow_runs import suspend_flow_run
from prefect.states import Completed

from components.settings.settings import resolve
from flows import approval_run, artifacts, canaries, releasing
from flows.ending import released
from flows.forms import (
    DEFAULT_SAVINGS,
    Answer,
    ApprovalForm,
    PromotionForm,
    RollbackForm,
    SavingsForm,
)
from flows.habits import BY_FLOW, HOUR_S, RETRIES, WATCHED
from flows.savings import report_savings
from flows.verdicts import kept_verdict

if TYPE_CHECKING:
    from components.registry.facts import RegisteredVersion
    from components.releases.operations import Outcome

roll_out = task(name="roll out", timeout_seconds=120, **RETRIES)(canaries.roll_out)
roll_back = task(name="rollback", timeout_seconds=120, **RETRIES)(releasing.roll_back)


@flow(
    name="promote",
    description="Make a registered version run everywhere, by a canary or at once, if the gate "
    "lets it.",
    timeout_seconds=HOUR_S,
    **WATCHED,
)
def promote(promotion: PromotionForm) -> State[None]:
    """A version's number or digest to an entry of the release log."""
    settings = resolve({}).settings
    found = releasing.find_version(settings, promotion.version, promotion.policy)
    outcome = roll_out(
        settings,
        found,
        promotion.rollout,
        who=BY_FLOW,
        why=promotion.why,
        hours=promotion.canary_hours,
    )
    return _released(found, outcome)


@flow(
    name="approval",
    description="Ask a person whether a version shall run everywhere; waiting blocks nothing.",
    persist_result=True,
)
def approval(request: ApprovalForm) -> State[None]:
    """A version that passed the gate to a promotion, or not; nothing runs while it waits."""
    settings = resolve({}).settings
    version = releasing.find_version(settings, request.version, request.policy)
    artifacts.gate(kept_verdict(settings.home, version.digest))
    asked = approval_run.ask(settings, version, why=request.why, rollout=request.rollout)
    if asked.decision is None:
        answer = suspend_flow_run(wait_for_input=Answer, timeout=asked.seconds_left())
        asked = approval_run.answered(settings, asked, answer)
    if asked.decision is None or not asked.decision.approved:
        return Completed(name="Rejected", message=asked.sentence)
    decision = asked.decision
    outcome = roll_out(settings, version, asked.rollout, who=decision.who, why=decision.why)
    return _released(version, outcome)


@flow(
    name="rollback",
    description="Go back to the policy before, or to that of a release.",
    timeout_seconds=HOUR_S,
    **WATCHED,
)
def rollback(back: RollbackForm) -> State[None]:
    """A new entry of the release log with an older policy."""
    settings = resolve({}).settings
    outcome = roll_back(settings, who=BY_FLOW, why=back.why, to=back.to_release)
    artifacts.release(outcome)
    return Completed(name="Rolled back", message=outcome.sentence)


@flow(
    name="savings",
    description="What the policy saved against its holdback over the last days.",
    timeout_seconds=HOUR_S,
)
def savings(period: SavingsForm = DEFAULT_SAVINGS) -> State[None]:
    """Checked samples to watts and joules per image, or "not enough data yet"."""
    since = datetime.now(UTC) - timedelta(days=period.days)
    report = report_savings(resolve({}).settings, since)
    artifacts.savings(report)
    return Completed(name="Reported", message=report.sentence)


def _released(version: RegisteredVersion, outcome: Outcome) -> State[None]:
    artifacts.release(outcome)
    ending = released(version, outcome)
    return Completed(name=ending.name, message=ending.message)
