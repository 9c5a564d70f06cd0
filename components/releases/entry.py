"""One entry of the release log: what every node shall run from now, who said so, and why."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from components.releases.desired import Desired
from components.releases.errors import EntryError
from components.releases.patterns import matches
from components.releases.strict_json import Fields, Scalar, canonical, dump, parse
from components.releases.sweep import SweepRequest
from components.releases.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA_VERSION = 1
MAX_ENTRY_BYTES = 1 << 20
BLOCKED = "blocked_digest"
"""Evidence of an entry: the bundle that may not enter again."""


class Kind(StrEnum):
    """What an entry is for."""

    PROMOTE = "promote"
    CANARY = "canary"
    ROLLBACK = "rollback"
    PAUSE = "pause"
    RESUME = "resume"
    SWEEP = "sweep"

    @property
    def needs_verdict(self) -> bool:
        """Whether only a bundle that passed the gate may enter by this kind."""
        return self in {Kind.PROMOTE, Kind.CANARY}


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One entry; it holds the full desired state, so no other has to be read to follow it."""

    sequence: int
    kind: Kind
    desired: Desired
    who: str
    when: datetime
    """UTC, by the clock of who wrote it; the order of entries is that of `sequence`."""
    why: str
    evidence: Mapping[str, Scalar] = field(default_factory=dict)
    """Facts that led to it: run, lake version, scores, the entry rolled back to."""
    verdict: Verdict | None = None
    sweep: SweepRequest | None = None
    expires_at: datetime | None = None
    """From then on its policies may decide nothing; jobs keep what they have."""
    signature: str | None = None
    """By the key of who may say what nodes run, over all of the above; see `signature`."""

    def __post_init__(self) -> None:
        if self.sequence < 1:
            raise self._bad(f"its sequence is {self.sequence}", "count entries from 1")
        if not (self.who.strip() and self.why.strip()):
            raise self._bad("who or why is blank", "say who asked for it and why")
        not_after = None if self.sweep is None else self.sweep.not_after
        for time in (self.when, self.expires_at, not_after):
            if time is not None and time.utcoffset() != timedelta(0):
                raise self._bad(f"the time {time} is not in UTC", "give times in UTC")
        if (self.sweep is not None) != (self.kind is Kind.SWEEP):
            raise self._bad(
                "a request for a sweep and the kind sweep belong together", "give both or neither"
            )
        if self.kind.needs_verdict and not self._verdict_covers_a_desired_bundle:
            raise self._bad(
                "it has no passing verdict on a bundle it names",
                "let the gate judge the bundle first",
            )
        try:
            canonical(self._content())
        except ValueError as error:
            raise self._bad(str(error), "give finite numbers and text that is UTF-8") from error

    @property
    def _verdict_covers_a_desired_bundle(self) -> bool:
        verdict = self.verdict
        return verdict is not None and verdict.passed and verdict.digest in self.desired.digests

    @property
    def blocked_digest(self) -> str | None:
        """The bundle that may not enter again from now, because it regressed in a canary."""
        digest = self.evidence.get(BLOCKED)
        return digest if isinstance(digest, str) else None

    def sweep_for(self, node: str, now: datetime) -> SweepRequest | None:
        """The sweep this entry asks of a node, unless it asks none or its time is over."""
        sweep = self.sweep
        asked = sweep is not None and matches(node, sweep.nodes) and now <= sweep.not_after
        return sweep if asked else None

    def is_expired(self, now: datetime) -> bool:
        """Whether its policies may decide nothing any more."""
        return self.expires_at is not None and now >= self.expires_at

    @property
    def checksum(self) -> str:
        """SHA-256 over its content."""
        return hashlib.sha256(canonical(self._content())).hexdigest()

    def to_json(self) -> str:
        """Write as a file of the log, checksum included."""
        sealed = {**self._content(), "checksum": self.checksum}
        return dump(sealed if self.signature is None else {**sealed, "signature": self.signature})

    @classmethod
    def from_json(cls, text: str | bytes, where: str = "a release") -> Release:
        """Read a file of the log strictly.

        Raises:
            EntryError: it is no JSON, a key is unknown, missing or of another type, the schema
                version is another, the content does not fit its checksum, or it needs a verdict
                and has no passing one.
        """
        fields = Fields(parse(text, where), where)
        version = fields.integer("schema_version")
        if version != SCHEMA_VERSION:
            raise EntryError(
                f"read {where}",
                f"its schema version is {version}, known is {SCHEMA_VERSION}",
                "update joulepilot on this machine",
            )
        checksum = fields.text("checksum")
        signature = fields.text("signature") if fields.has("signature") else None
        release = replace(_release_from(fields, where), signature=signature)
        fields.close()
        if release.checksum != checksum:
            raise EntryError(
                f"read {where}",
                "its content does not fit its checksum: it was changed or damaged",
                "restore the file from a copy",
            )
        return release

    def _content(self) -> dict[str, object]:
        return {
            "schema_version": SCHEMA_VERSION,
            "sequence": self.sequence,
            "kind": self.kind.value,
            "desired": self.desired.to_dict(),
            "who": self.who,
            "when": self.when.isoformat(),
            "why": self.why,
            "evidence": dict(self.evidence),
            "verdict": None if self.verdict is None else self.verdict.to_dict(),
            "sweep": None if self.sweep is None else self.sweep.to_dict(),
            "expires_at": None if self.expires_at is None else self.expires_at.isoformat(),
        }

    def _bad(self, found: str, remedy: str) -> EntryError:
        return EntryError(f"a {self.kind} entry by {self.who!r}", found, remedy)


def entry_name(sequence: int) -> str:
    """Name of an entry's file, like 000001.json."""
    return f"{sequence:06d}.json"


def _release_from(fields: Fields, where: str) -> Release:
    verdict = fields.any("verdict")
    sweep = fields.any("sweep")
    return Release(
        sequence=fields.integer("sequence"),
        kind=_kind_from(fields.text("kind"), where),
        desired=Desired.from_object(fields.any("desired"), f"{where}, desired"),
        who=fields.text("who"),
        when=fields.time("when"),
        why=fields.text("why"),
        evidence=fields.scalars("evidence"),
        verdict=None if verdict is None else Verdict.from_object(verdict, f"{where}, verdict"),
        sweep=None if sweep is None else SweepRequest.from_object(sweep, f"{where}, sweep"),
        expires_at=fields.optional_time("expires_at"),
    )


def _kind_from(text: str, where: str) -> Kind:
    try:
        return Kind(text)
    except ValueError as error:
        raise EntryError(
            f"read {where}",
            f"its kind is {text!r}",
            f"known are {', '.join(kind.value for kind in Kind)}; update joulepilot",
        ) from error
