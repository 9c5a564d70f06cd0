"""The release log: a folder of entries, only ever appended to."""

from __future__ import annotations

import logging
import os
import re
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from components.durable_file import sync_folder, write_new
from components.releases.admission import check_admissible
from components.releases.entry import MAX_ENTRY_BYTES, Kind, Release, entry_name
from components.releases.errors import ConflictError, EntryError, ReleaseLogError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from components.releases.desired import Desired
    from components.releases.strict_json import Scalar
    from components.releases.sweep import SweepRequest
    from components.releases.verdict import Verdict

log = logging.getLogger(__name__)
_ENTRY = re.compile(r"(\d{6,})\.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An entry before it has its place."""

    after: int
    """Sequence of the entry it was made from, 0 for none: it becomes the next one, or nothing."""
    kind: Kind
    desired: Desired
    who: str
    when: datetime
    why: str
    evidence: Mapping[str, Scalar] = field(default_factory=dict)
    verdict: Verdict | None = None
    sweep: SweepRequest | None = None
    expires_at: datetime | None = None

    def to_release(self) -> Release:
        """Give it its place.

        Raises:
            EntryError: it breaks the contract of an entry.
        """
        return Release(
            sequence=self.after + 1,
            kind=self.kind,
            desired=self.desired,
            who=self.who,
            when=self.when,
            why=self.why,
            evidence=self.evidence,
            verdict=self.verdict,
            sweep=self.sweep,
            expires_at=self.expires_at,
        )


class ReleaseLog:
    """Entries 1, 2, 3, … as files; what is written is never changed.

    Reading raises ReleaseLogError when an entry is damaged or missing between others; nothing is
    repaired or removed on its own.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def append(self, draft: Draft) -> Release:
        """Write a draft as the next entry; it is on disk when this returns.

        Raises:
            ConflictError: the place is taken; says by whom and by what.
            EntryError: the draft breaks the contract of an entry.
            RefusedError: the draft may not follow what the log says.
            KeyFileError: there is a key for signing beside the log that cannot be used.
            ReleaseLogError: the log is damaged, or its folder cannot be written.
        """
        release = self._signed(draft.to_release())
        entries = self.entries()
        if release.sequence <= len(entries):
            raise _conflict(release, entries[release.sequence - 1])
        if release.sequence > len(entries) + 1:
            raise ReleaseLogError(
                f"append entry {release.sequence} to {self._folder}",
                f"the last entry is {len(entries)}",
                "make the draft from the log's latest entry",
            )
        check_admissible(release, entries)
        try:
            self._put_if_absent(release)
        except FileExistsError:
            raise _conflict(release, self._read(release.sequence)) from None
        except OSError as error:
            raise ReleaseLogError(
                f"append entry {release.sequence} to {self._folder}",
                f"it cannot be written: {error}",
                "use a local folder this user may write, on a file system with hard links",
            ) from error
        log.info("release %d: %s by %s", release.sequence, release.kind, release.who)
        return release

    def _signed(self, release: Release) -> Release:
        """Sign where there is a key beside the log; its library is loaded only then."""
        key = self._folder.parent / "keys" / "signing.pem"
        if not key.exists():
            return release
        from components.releases.signature import Signer

        return Signer(key).signed(release)

    def latest(self) -> Release | None:
        """Read the entry in force; None while the log is empty."""
        last = self._last_sequence()
        return self._read(last) if last else None

    def get(self, sequence: int) -> Release | None:
        """Read one entry; None when the log does not reach that far."""
        return self._read(sequence) if 1 <= sequence <= self._last_sequence() else None

    def entries(self, known: Sequence[Release] = ()) -> tuple[Release, ...]:
        """Read all entries, oldest first; those known from before are not read again."""
        last = self._last_sequence()
        kept = tuple(known) if len(known) <= last else ()
        return (*kept, *(self._read(number) for number in range(len(kept) + 1, last + 1)))

    def _last_sequence(self) -> int:
        try:
            names = [path.name for path in self._folder.iterdir()]
        except FileNotFoundError:
            return 0
        except OSError as error:
            raise ReleaseLogError(
                f"read the release log {self._folder}", str(error), "make it a readable folder"
            ) from error
        numbers = {int(found[1]) for name in names if (found := _ENTRY.fullmatch(name))}
        missing = sorted(set(range(1, max(numbers, default=0) + 1)) - numbers)
        if missing:
            raise ReleaseLogError(
                f"read the release log {self._folder}",
                f"{entry_name(missing[0])} is missing between others",
                "restore the file from a copy; the other entries are untouched",
            )
        return len(numbers)

    def _read(self, sequence: int) -> Release:
        path = self._folder / entry_name(sequence)
        try:
            with path.open("rb") as file:
                body = file.read(MAX_ENTRY_BYTES + 1)
            return read_entry(body, sequence, str(path))
        except EntryError as error:
            raise ReleaseLogError(error.asked, error.found, error.remedy) from error
        except OSError as error:
            raise ReleaseLogError(
                f"read {path}", str(error), "make the file readable or restore it from a copy"
            ) from error

    def _put_if_absent(self, release: Release) -> None:
        body = release.to_json().encode()
        read_entry(body, release.sequence, f"the draft of entry {release.sequence}")
        self._folder.mkdir(parents=True, exist_ok=True)
        target = self._folder / entry_name(release.sequence)
        draft = self._folder / f".{target.name}.{os.getpid()}.{secrets.token_hex(4)}"
        try:
            write_new(draft, body)
            os.link(draft, target)
        finally:
            draft.unlink(missing_ok=True)
        sync_folder(self._folder)


def read_entry(body: bytes, sequence: int, where: str) -> Release:
    """Read the body of an entry that was asked for by its number.

    Raises:
        EntryError: it is too large, breaks the contract of an entry, or is another one.
    """
    if len(body) > MAX_ENTRY_BYTES:
        raise EntryError(
            f"read {where}", f"it is larger than {MAX_ENTRY_BYTES} bytes", "restore it from a copy"
        )
    release = Release.from_json(body, where)
    if release.sequence != sequence:
        raise EntryError(
            f"read entry {sequence} from {where}",
            f"it is entry {release.sequence}",
            "restore the file from a copy",
        )
    return release


def _conflict(release: Release, winner: Release) -> ConflictError:
    return ConflictError(
        f"asked to append entry {release.sequence} ({release.kind} by {release.who})",
        f"{winner.who} was first at {winner.when:%Y-%m-%d %H:%M:%S} UTC: {winner.kind}, "
        f'"{winner.why}"',
        "look at what is in force now and ask again if it is still right",
    )
