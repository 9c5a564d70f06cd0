"""Changes of what runs, for whoever is on call: shown first, asked for, confirmed by the nodes.

Exit codes: 0 in force and every node that is up follows; 1 refused, nothing has changed; 3 not
confirmed by the person asked, nothing has changed; 4 in force in the log, but a node does not
follow, or no hub could say.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from components.hub.client import nodes_of
from components.hub.errors import HubAwayError
from components.policy.any_bundle import POLICIES
from components.policy.manifest import CORE_ALLOCATOR
from components.releases import operations
from components.releases.canary import THEN
from components.releases.log import ReleaseLog
from components.releases.source import RELEASES
from flows.approvals import Decision, approvals, decide
from flows.canaries import roll_out
from flows.cli.printing import print_table
from flows.errors import ApprovalError
from flows.releasing import find_version, promote_version, roll_back, whoami
from flows.rollout import changes, confirm, require_not_blocked, ring_nodes, stages_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from components.hub.nodes import NodeState
    from components.releases.desired import Desired
    from components.releases.operations import Outcome
    from components.settings.settings import Resolved, Settings

DONE, DECLINED, NOT_FOLLOWED = 0, 3, 4
SHORT = 12


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change before anyone agreed to it."""

    sentence: str
    desired: Desired
    states: Sequence[NodeState]
    carry_out: Callable[[], Outcome]
    policy: str = CORE_ALLOCATOR
    """The one whose change is shown."""


def promote(arguments: argparse.Namespace, resolved: Resolved) -> int:
    """Make a version run everywhere, or on a ring of nodes."""
    settings, states = resolved.settings, _nodes(resolved.settings)
    version = find_version(settings, arguments.version, arguments.policy)
    require_not_blocked(states, version.digest)
    rollout = arguments.rollout
    first, *then = (arguments.ring,) if rollout is None else stages_of(rollout, version.policy)
    nodes = ring_nodes(first, states, version.digest, datetime.now(UTC))
    latest = ReleaseLog(settings.home / RELEASES).latest()
    after = 0 if latest is None else latest.sequence
    proposal = Proposal(
        f"promote version {version.version} ({version.digest[:SHORT]})",
        operations.desired_after_promotion(
            latest, version.digest, policy=version.policy, nodes=nodes
        ),
        states,
        lambda: promote_version(
            settings,
            version,
            who=whoami(),
            why=arguments.why,
            evidence={THEN: " ".join(then)} if then else None,
            nodes=nodes,
            after=after,
        ),
        version.policy,
    )
    return _decide(arguments, settings, proposal)


def rollback(arguments: argparse.Namespace, resolved: Resolved) -> int:
    """Go back to an older policy."""
    settings = resolved.settings
    entries = ReleaseLog(settings.home / RELEASES).entries()
    desired = operations.desired_after_rollback(entries, arguments.to)
    proposal = Proposal(
        "roll back",
        desired,
        _nodes(settings),
        lambda: roll_back(
            settings,
            who=whoami(),
            why=arguments.why,
            to=arguments.to,
            after=entries[-1].sequence,
        ),
        _changed_policy(entries[-1].desired, desired),
    )
    return _decide(arguments, settings, proposal)


def approve(arguments: argparse.Namespace, resolved: Resolved) -> int:
    """Approve or reject what waits for a person; without a version, list it.

    Raises:
        ApprovalError: none was asked for, or it was decided otherwise before, or is over.
    """
    from flows.approval_run import close_form  # Prefect takes a second to import

    settings = resolved.settings
    if arguments.version is None:
        return _list_approvals(arguments, settings)
    if arguments.why is None:
        raise ApprovalError(
            f"asked to decide on version {arguments.version}", "no reason was given", "add --why"
        )
    version = find_version(settings, arguments.version, arguments.policy)
    said = Decision(not arguments.reject, whoami(), arguments.why, datetime.now(UTC))
    decided = decide(settings.home, version.digest, said)
    close_form(version, said)
    if arguments.reject:
        print(json.dumps({"sentence": decided.sentence}) if arguments.json else decided.sentence)
        return DONE
    outcome = roll_out(settings, version, decided.rollout, who=said.who, why=said.why)
    return _confirm(arguments, settings, outcome)


def _list_approvals(arguments: argparse.Namespace, settings: Settings) -> int:
    now = datetime.now(UTC)
    rows = [
        (
            r.policy,
            str(r.version),
            r.digest[:SHORT],
            r.state(now),
            f"{r.expires_at:%Y-%m-%d %H:%M}",
            r.why,
        )
        for r in approvals(settings.home)
    ]
    columns = ("policy", "version", "digest", "is", "expires (UTC)", "why")
    if arguments.json:
        print(json.dumps([dict(zip(columns, row, strict=True)) for row in rows]))
    elif rows:
        print_table(columns, rows)
    else:
        print("nothing waits for approval")
    return DONE


def _changed_policy(before: Desired, after: Desired) -> str:
    """The policy that differs for nodes in general; the allocator where none or both do."""
    one, other = before.rings[-1].policies, after.rings[-1].policies
    changed = [name for name in POLICIES if one.get(name) != other.get(name)]
    return changed[0] if changed else CORE_ALLOCATOR


def pause(arguments: argparse.Namespace, resolved: Resolved) -> int:
    """Have every node keep what it has."""
    settings = resolved.settings
    outcome = operations.pause(settings.home, who=whoami(), why=arguments.why)
    return _confirm(arguments, settings, outcome)


def resume(arguments: argparse.Namespace, resolved: Resolved) -> int:
    """Let the nodes act again."""
    settings = resolved.settings
    outcome = operations.resume(settings.home, who=whoami(), why=arguments.why)
    return _confirm(arguments, settings, outcome)


def _nodes(settings: Settings) -> tuple[NodeState, ...]:
    """The nodes the hub knows; none where it is away, for a rollback must not need it."""
    try:
        return nodes_of(settings)
    except HubAwayError as error:
        sys.stderr.write(f"{error.found}: which nodes are up is not known\n")
        return ()


def _decide(arguments: argparse.Namespace, settings: Settings, proposal: Proposal) -> int:
    if not arguments.json or arguments.dry_run:
        _show(arguments, proposal)
    if arguments.dry_run:
        return DONE
    if not (arguments.yes or _agreed(proposal.sentence)):
        sys.stderr.write("nothing has changed\n")
        return DECLINED
    return _confirm(arguments, settings, proposal.carry_out())


def _show(arguments: argparse.Namespace, proposal: Proposal) -> None:
    now, policy = datetime.now(UTC), proposal.policy
    rows = changes(proposal.states, proposal.desired, now, policy=policy)
    if arguments.json:
        facts = [
            {"node": row.node, "before": row.before, "after": row.after, "silent": row.is_silent}
            for row in rows
        ]
        print(json.dumps({"would": proposal.sentence, "nodes": facts}))
        return
    print(f"This would {proposal.sentence}:")
    if not rows:
        for ring in proposal.desired.rings:
            print(f"  {', '.join(ring.nodes)}: {_short(ring.policies.get(policy))}")
        return
    print_table(
        ("node", "runs", "would run", ""),
        [
            (
                row.node,
                _short(row.before),
                _short(row.after) if row.after != row.before else "the same",
                "silent" if row.is_silent else "",
            )
            for row in rows
        ],
    )


def _agreed(what: str) -> bool:
    """Ask the person at the terminal; where there is none the answer is no."""
    if not sys.stdin.isatty():
        sys.stderr.write(f"asked to {what} without a terminal to ask at: give --yes\n")
        return False
    return input("Go on? [y/N] ").strip().lower() in {"y", "yes"}


def _confirm(arguments: argparse.Namespace, settings: Settings, outcome: Outcome) -> int:
    facts: dict[str, object] = {
        "sequence": outcome.release.sequence,
        "kind": str(outcome.release.kind),
        "is_new": outcome.is_new,
        "sentence": outcome.sentence,
    }
    if not arguments.json:
        print(outcome.sentence, flush=True)
    code = DONE
    if not arguments.no_wait:
        code, found = _followed(settings, outcome.release.sequence)
        facts |= found
        if not arguments.json:
            print(found["nodes"])
    if arguments.json:
        print(json.dumps(facts))
    return code


def _followed(settings: Settings, sequence: int) -> tuple[int, dict[str, object]]:
    try:
        found = confirm(settings, sequence)
    except HubAwayError as error:
        return NOT_FOLLOWED, {"nodes": f"nobody can say who follows: {error.found}"}
    facts: dict[str, object] = {"nodes": found.sentence, "behind": list(found.behind)}
    return (DONE if found.is_complete else NOT_FOLLOWED), facts


def _short(digest: str | None) -> str:
    return "no policy" if digest is None else digest[:SHORT]
