"""What an executor remembers, and how it is written."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from components.executor.held import Held
from components.executor.job_proofs import JobProofs, proofs_from_object, proofs_to_object
from components.jobs.candidate import Allocation, Candidate
from components.node.cpuset import format_cpu_list, parse_cpu_list
from components.node.placement import Layout

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class LastGood:
    """An allocation that kept a target once."""

    allocation: Allocation
    target_ms: float
    image: str
    at_s: float
    """Seconds since the epoch, UTC."""


@dataclass(frozen=True, slots=True)
class NodeState:
    """Everything that outlives the process, but the originals, which the journal has."""

    release: int | None = None
    policy_digest: str | None = None
    device_digest: str | None = None
    """Of the device classifier that decided last."""
    previous_digests: tuple[str, ...] = ()
    """Bundles that decided here before, the newest last."""
    blocked_digests: tuple[str, ...] = ()
    """Bundles that were rolled back on this node: not taken again."""
    last_sweep: int = 0
    """Sequence of the last entry whose sweep was begun here."""
    paused: bool = False
    """Paused on this node, whatever the release log says."""
    paused_until_s: float | None = None
    """When that pause ends by itself, in seconds since the epoch; None: it does not."""
    holds: Mapping[str, Held] = field(default_factory=dict)
    """Jobs an operator holds."""
    fingerprint: str | None = None
    """Of the node as someone last agreed to it; None before the first start."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """What went into it."""
    proofs: Mapping[str, JobProofs] = field(default_factory=dict)
    """Allocations of each job that lately kept their target."""
    last_good: Mapping[str, LastGood] = field(default_factory=dict)


def state_to_object(state: NodeState) -> dict[str, object]:
    """Lay out for JSON."""
    return {
        "release": state.release,
        "policy_digest": state.policy_digest,
        "device_digest": state.device_digest,
        "previous_digests": list(state.previous_digests),
        "blocked_digests": list(state.blocked_digests),
        "last_sweep": state.last_sweep,
        "paused": state.paused,
        "paused_until_s": state.paused_until_s,
        "holds": {name: asdict(held) for name, held in state.holds.items()},
        "fingerprint": state.fingerprint,
        "facts": dict(state.facts),
        "proofs": {name: proofs_to_object(proofs) for name, proofs in state.proofs.items()},
        "last_good": {name: _good_to_object(good) for name, good in state.last_good.items()},
    }


def state_from_object(content: Any) -> NodeState:
    """Read it back.

    Raises:
        KeyError, TypeError, ValueError, JoulepilotError: it is not what `state_to_object` writes.
    """
    return NodeState(
        release=None if content["release"] is None else int(content["release"]),
        policy_digest=content["policy_digest"],
        device_digest=content.get("device_digest"),  # older files do not have it
        previous_digests=tuple(map(str, content["previous_digests"])),
        blocked_digests=tuple(map(str, content["blocked_digests"])),
        last_sweep=int(content["last_sweep"]),
        paused=bool(content["paused"]),
        paused_until_s=_maybe_number(content.get("paused_until_s")),
        holds={str(name): _held_from_object(held) for name, held in content["holds"].items()},
        fingerprint=content.get("fingerprint"),
        facts={str(k): str(v) for k, v in content.get("facts", {}).items()},
        proofs={
            str(name): proofs_from_object(proofs)
            for name, proofs in content.get("proofs", {}).items()
        },
        last_good={str(n): _good_from_object(good) for n, good in content["last_good"].items()},
    )


def _held_from_object(content: Any) -> Held:
    """Read a hold; an older version kept the reason alone."""
    if isinstance(content, str):
        return Held(content)
    until_s = _maybe_number(content["until_s"])
    return Held(str(content["reason"]), until_s, str(content["cpus"]))


def _maybe_number(value: Any) -> float | None:
    return None if value is None else float(value)


def _good_to_object(good: LastGood) -> dict[str, object]:
    return {
        "layout": good.allocation.candidate.layout.value,
        "cpus": format_cpu_list(good.allocation.cpus),
        "target_ms": good.target_ms,
        "image": good.image,
        "at_s": good.at_s,
    }


def _good_from_object(content: Any) -> LastGood:
    cpus = parse_cpu_list(content["cpus"])
    return LastGood(
        allocation=Allocation(Candidate(len(cpus), Layout(content["layout"])), cpus),
        target_ms=float(content["target_ms"]),
        image=str(content["image"]),
        at_s=float(content["at_s"]),
    )
