"""What becomes of a judged challenger: the named state in which its run ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.releases.errors import RefusedError
from components.settings.settings import REQUIRED
from flows.errors import BlockedError, CanaryUnderWayError, RingError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from components.registry.facts import RegisteredVersion
    from components.releases.operations import Outcome
    from components.releases.strict_json import Scalar
    from components.releases.verdict import Verdict
    from components.settings.settings import Settings
    from flows.approvals import Request

NOT_BETTER, PASSED = "Not better", "Passed the gate"
WAITING, CANARY_STARTED, PROMOTED = "Waiting for approval", "Canary started", "Promoted"
NO_ROLLOUT = "none"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What shall become of a challenger that passes the gate."""

    rollout: str
    """One of `flows.rollout.STAGES`, or `none`."""
    who: str
    why: str
    evidence: Mapping[str, Scalar]


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ends."""

    name: str
    message: str
    outcome: Outcome | None = None
    """What the release log says since; None: the run did not change it."""


def conclude(
    settings: Settings,
    version: RegisteredVersion,
    verdict: Verdict,
    wanted: Wanted,
    *,
    ask: Callable[..., Request],
    roll_out: Callable[..., Outcome],
) -> Ending:
    """Release a challenger as it is wanted, ask a person first where that is the rule, or neither.

    Args:
        settings: of the home and its servers.
        version: of the challenger.
        verdict: of the gate on it.
        wanted: what shall become of it.
        ask: starts the run that waits for a person, as `flows.approval_run.start`.
        roll_out: as `flows.canaries.roll_out`.

    Raises:
        ConflictError: someone else appended an entry meanwhile.
        HubAwayError: nobody can say which nodes are up.
    """
    if not verdict.passed:
        return Ending(NOT_BETTER, verdict.sentence)
    if wanted.rollout == NO_ROLLOUT:
        return Ending(PASSED, verdict.sentence)
    if settings.approval == REQUIRED:
        asked = ask(settings, version, why=wanted.why, rollout=wanted.rollout)
        return Ending(WAITING, asked.sentence)
    try:
        outcome = roll_out(
            settings,
            version,
            wanted.rollout,
            who=wanted.who,
            why=wanted.why,
            evidence=wanted.evidence,
        )
    except (BlockedError, RefusedError) as error:  # it regressed on a node before
        return Ending(NOT_BETTER, error.found)
    except (CanaryUnderWayError, RingError) as error:
        return Ending(PASSED, f"it stays challenger: {error.found}; {error.remedy}")
    return released(version, outcome)


def released(version: RegisteredVersion, outcome: Outcome) -> Ending:
    """The state of a run that had a version released."""
    champion = outcome.release.desired.rings[-1].policies.get(version.policy)
    name = PROMOTED if champion == version.digest else CANARY_STARTED
    return Ending(name, outcome.sentence, outcome)
