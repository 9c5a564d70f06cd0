"""The event in Prefect that starts a retraining, and the trigger that waits for it."""

from __future__ import annotations

from prefect.events import DeploymentEventTrigger, emit_event

EVENT = "joulepilot.retrain.wanted"
RESOURCE = "joulepilot"


def emit(text: str) -> None:
    """Ask for a retraining; the text is shown on its run."""
    emit_event(EVENT, resource={"prefect.resource.id": RESOURCE}, payload={"cause": text})


def retrain_when_asked() -> DeploymentEventTrigger:
    """Start the deployment it is given to, with the cause as a parameter; it ends in a canary."""
    cause = {"__prefect_kind": "jinja", "template": "{{ event.payload.cause }}"}
    return DeploymentEventTrigger(
        name="joulepilot: retrain when asked",
        expect={EVENT},
        match={"prefect.resource.id": RESOURCE},
        parameters={"training": {"seed": 0, "cause": cause, "rollout": "canary"}},
    )
