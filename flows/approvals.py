"""Promotions that wait for a person; the file of each is the truth, whoever writes it."""

from __future__ import annotations

import fcntl
import json
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from components.durable_file import replace_file
from components.policy.manifest import CORE_ALLOCATOR
from flows.errors import ApprovalError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from components.registry.facts import RegisteredVersion

FOLDER = "approvals"
EXPIRES_AFTER = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person said."""

    approved: bool
    who: str
    why: str
    when: datetime


@dataclass(frozen=True, slots=True)
class Request:
    """A version that passed the gate and waits for a person."""

    digest: str
    version: int
    why: str
    expires_at: datetime
    decision: Decision | None = None
    rollout: str = "all"
    """How it gets everywhere once a person said yes."""
    policy: str = CORE_ALLOCATOR
    """Which policy it is a version of."""

    def is_open(self, now: datetime) -> bool:
        """Whether a person may still decide."""
        return self.decision is None and now < self.expires_at

    def seconds_left(self, now: datetime | None = None) -> int:
        """Whole seconds until it expires, at least 1."""
        left = self.expires_at - (datetime.now(UTC) if now is None else now)
        return max(int(left.total_seconds()), 1)

    @property
    def sentence(self) -> str:
        """What was said, or until when it can be."""
        said = self.decision
        if said is None:
            return f"version {self.version} waits until {self.expires_at:%Y-%m-%d %H:%M} UTC"
        verb = "approved" if said.approved else "rejected"
        return f"version {self.version} {verb} by {said.who}: {said.why}"

    def state(self, now: datetime) -> str:
        """One word for people."""
        if self.decision is not None:
            return "approved" if self.decision.approved else "rejected"
        return "waiting" if self.is_open(now) else "expired"


def ask_approval(
    home: Path, version: RegisteredVersion, why: str, now: datetime, rollout: str = "all"
) -> Request:
    """Write a request down; asking again before the last one's time is over changes nothing."""
    path = _path(home, version.digest)
    if path.exists():
        known = _read(path)
        if now < known.expires_at:
            return known
    request = Request(
        version.digest,
        version.version,
        why,
        now + EXPIRES_AFTER,
        rollout=rollout,
        policy=version.policy,
    )
    _write(path, request)
    return request


def approval_of(home: Path, digest: str) -> Request:
    """The request for a bundle.

    Raises:
        ApprovalError: nobody asked for one, or its file is damaged.
    """
    path = _path(home, digest)
    if not path.exists():
        raise ApprovalError(
            f"asked for the approval of bundle {digest[:12]}",
            "none was asked for",
            "`joulepilot approve` lists those that wait; promote needs no approval otherwise",
        )
    return _read(path)


def approvals(home: Path) -> tuple[Request, ...]:
    """Every request there ever was, the one that expires last at the end."""
    found = [_read(path) for path in (home / FOLDER).glob("*.json")]
    return tuple(sorted(found, key=lambda request: request.expires_at))


def decide(home: Path, digest: str, decision: Decision) -> Request:
    """Take a person's word; the first one counts.

    Raises:
        ApprovalError: it was decided otherwise before, or its time is over.
    """
    with _alone(home):
        request = approval_of(home, digest)
        said = request.decision
        if said is not None and said.approved == decision.approved:
            return request
        if not request.is_open(decision.when):
            by = "" if said is None else f" by {said.who}"
            raise ApprovalError(
                f"asked to {'approve' if decision.approved else 'reject'} "
                f"version {request.version}",
                f"it is {request.state(decision.when)}{by} already; what runs stays in force",
                "promote it by hand if that is wanted: joulepilot promote",
            )
        decided = replace(request, decision=decision)
        _write(_path(home, digest), decided)
        return decided


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Of two people at once one waits for the other; the lock dies with the process."""
    (home / FOLDER).mkdir(parents=True, exist_ok=True)
    with (home / FOLDER / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _write(path: Path, request: Request) -> None:
    said = request.decision
    content = {
        "digest": request.digest,
        "version": request.version,
        "why": request.why,
        "rollout": request.rollout,
        "policy": request.policy,
        "expires_at": request.expires_at.isoformat(),
        "decision": said
        and {
            "approved": said.approved,
            "who": said.who,
            "why": said.why,
            "when": said.when.isoformat(),
        },
    }
    replace_file(path, json.dumps(content, indent=1) + "\n")


def _read(path: Path) -> Request:
    try:
        content = json.loads(path.read_text())
        said = content["decision"]
        return Request(
            digest=str(content["digest"]),
            version=int(content["version"]),
            why=str(content["why"]),
            rollout=str(content.get("rollout", "all")),  # older files do not have this,
            policy=str(content.get("policy", CORE_ALLOCATOR)),  # nor this
            expires_at=datetime.fromisoformat(content["expires_at"]).astimezone(UTC),
            decision=said
            and Decision(
                approved=bool(said["approved"]),
                who=str(said["who"]),
                why=str(said["why"]),
                when=datetime.fromisoformat(said["when"]).astimezone(UTC),
            ),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ApprovalError(
            f"read the approval in {path}", f"it is damaged: {error}", "remove it and ask again"
        ) from error


def _path(home: Path, digest: str) -> Path:
    return home / FOLDER / f"{digest}.json"
