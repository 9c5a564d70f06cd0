"""Follows the release log beside the loop: entries in order, bundles checked before use."""

from __future__ import annotations

import logging
import secrets
import threading
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from components.errors import PermanentError, TemporaryError
from components.executor.brains import Brains
from components.executor.device_following import DevicePolicyFollower
from components.executor.errors import NothingToRollBackError
from components.executor.followed import AskedSweep, Followed
from components.policy.brain import load_brain
from components.policy.errors import BundleError
from components.releases.admission import check_admissible
from components.releases.errors import EntryError, ReleaseLogError, SourceError

if TYPE_CHECKING:
    from pathlib import Path

    from components.executor.bundle_shelf import BundleShelf
    from components.executor.state import StateStore
    from components.policy.brain import Brain
    from components.releases.entry import Release
    from components.releases.source import ReleaseSource

log = logging.getLogger(__name__)

JITTER = 1 / 3
"""Looks are spread by this share, so that a thousand nodes do not ask in the same instant."""

KEPT_BUNDLES = 5
"""How many bundles that decided before are kept to go back to."""


class ReleaseFollower:
    """One thread that asks for the next entry every few seconds of wall time.

    The log is read from its first entry at every start, so that each is judged against all that
    came before it. Whatever fails, the policy in force stays; `current` says what is wrong.
    """

    def __init__(
        self,
        node: str,
        node_class: str,
        source: ReleaseSource | None,
        store: StateStore,
        shelf: BundleShelf,
        *,
        shipped: Path,
        follow_s: float = 3.0,
    ) -> None:
        self._node = node
        self._node_class = node_class
        self._source = source
        self._store = store
        self._shelf = shelf
        self._follow_s = follow_s
        self._devices = DevicePolicyFollower(node, node_class, store, shelf)
        self._lock = threading.Lock()
        self._entries: list[Release] = []
        self._next = 1
        self._pending: Release | None = None
        self._sweep: AskedSweep | None = None
        self._wrong: dict[str, str] = {}
        self._brains = Brains(node, node_class, store, shelf, self._wrong)
        self._followed = Followed()
        self._has_begun = False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="release-follower", daemon=True)
        self._start_with(shipped)

    def start(self) -> None:
        """Begin to follow; without a source there is nothing to follow."""
        if self._source is not None:
            self._thread.start()
            self._has_begun = True

    def close(self) -> None:
        """End the thread."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def current(self) -> Followed:
        """The newest picture."""
        if self._has_begun and not (self._thread.is_alive() or self._ended.is_set()):
            died = "the release log is not followed any more: its thread died; see the log"
            return replace(self._followed, health=(*self._followed.health, died))
        return self._followed

    def step(self) -> None:
        """Take all entries that are new, then what the last of them wants."""
        if self._source is None:
            return
        with self._lock:
            self._read_entries(self._source)
            now = self._followed
            if self._pending is not None:
                now = self._take(self._pending, self._source, now)
            self._tell(replace(now, sweep=self._sweep))

    def roll_back(self) -> str:
        """Go back to the bundle that decided here before, and block the one in force.

        Returns:
            The digest gone back to.

        Raises:
            NothingToRollBackError: no bundle from before is left.
        """
        with self._lock:
            state, now = self._store.state, self._followed.policy_digest
            for digest in reversed(state.previous_digests):
                if digest in {*state.blocked_digests, now}:
                    continue
                try:
                    brain = load_brain(self._shelf.path(digest))
                except PermanentError as error:
                    log.warning("cannot go back to bundle %s: %s", digest[:12], error)
                    continue
                blocked = state.blocked_digests if now is None else (*state.blocked_digests, now)
                self._store.change(
                    policy_digest=digest,
                    previous_digests=tuple(d for d in state.previous_digests if d != digest),
                    blocked_digests=blocked,
                )
                self._followed = replace(self._followed, brain=brain, blocked_digests=blocked)
                return digest
            raise NothingToRollBackError(
                "asked to go back to the policy before",
                "no other bundle that decided here is left on this node",
                "roll back in the release log instead: joulepilot rollback",
            )

    def reject(self, digest: str, reason: str) -> None:
        """Block a challenger that turned out worse; the champion decides on. Never waits."""
        log.warning("bundle %s is blocked on this node: %s", digest[:12], reason)
        blocked = self._store.state.blocked_digests
        if digest not in blocked:
            self._store.change(blocked_digests=(*blocked, digest))

    def _run(self) -> None:
        while not self._ended.is_set():
            self.step()
            spread = (secrets.randbelow(2001) / 1000 - 1) * JITTER
            self._ended.wait(self._follow_s * (1 + spread))

    def _start_with(self, shipped: Path) -> None:
        """Begin with the policy that decided last, else with the shipped one."""
        state = self._store.state
        remembered = state.policy_digest if self._source is not None else None
        brain = None if remembered is None else self._brains.load(remembered)
        if brain is None:
            remembered = None
            try:
                brain = self._brains.load(self._shelf.add(shipped))
            except BundleError as error:
                self._wrong["policy"] = str(error)
        release = None if remembered is None else state.release
        if brain is not None:
            self._store.change(release=release, policy_digest=brain.digest)
        if self._source is not None:
            self._devices.begin()
        self._tell(Followed(brain=brain, release=release, devices=self._devices.classifier))

    def _read_entries(self, source: ReleaseSource) -> None:
        self._wrong.pop("log", None)
        while True:
            try:
                release = source.release(self._next)
            except (TemporaryError, SourceError) as error:
                self._wrong["log"] = str(error)
                return
            except (EntryError, ReleaseLogError) as error:
                self._wrong["log"] = f"entry {self._next} is refused: {error}"
                if not self._reaches(source, self._next + 1):
                    return  # it may yet be mended
                self._next += 1
                continue
            if release is None:
                return
            self._next += 1
            self._judge(release)

    def _reaches(self, source: ReleaseSource, sequence: int) -> bool:
        try:
            return source.release(sequence) is not None
        except EntryError:
            return True
        except (TemporaryError, PermanentError):
            return False

    def _judge(self, release: Release) -> None:
        try:
            check_admissible(release, self._entries)
        except PermanentError as error:
            self._wrong["entry"] = f"entry {release.sequence} is refused: {error}"
            log.warning(self._wrong["entry"])
            return
        self._wrong.pop("entry", None)
        self._entries.append(release)
        self._pending = release
        request = release.sweep_for(self._node, datetime.now(tz=UTC))
        if request is not None:
            self._sweep = AskedSweep(release.sequence, request)

    def _take(self, release: Release, source: ReleaseSource, now: Followed) -> Followed:
        """What is in force once an entry is; on failure what is now, and it is tried again."""
        if release.sequence < (self._store.state.release or 0):
            self._wrong["older"] = (
                f"the log ends at entry {release.sequence}, and this node followed "
                f"{self._store.state.release} before: it was cut or replaced, and nothing of it is "
                "taken; if that was on purpose, stop the executor and remove its state.json"
            )
            return now
        self._wrong.pop("older", None)
        brain, challenger = self._brains.wanted(release, source, now)
        if "policy" in self._wrong:
            return now
        self._devices.take(release, source)
        self._pending = None if self._devices.wrong is None else release
        self._shelve(release, now.policy_digest, brain, challenger)
        return replace(
            now,
            release=release.sequence,
            brain=brain,
            challenger=challenger,
            devices=self._devices.classifier,
            mode_allowed=release.desired.mode_allowed,
            paused=release.desired.is_paused(self._node),
            expires_at=release.expires_at,
        )

    def _shelve(
        self, release: Release, before: str | None, brain: Brain | None, challenger: Brain | None
    ) -> None:
        """Remember what decides from now and what decided before, and keep just these bundles."""
        digest = None if brain is None else brain.digest
        previous = self._store.state.previous_digests
        if before is not None and before != digest:
            previous = (*(d for d in previous if d != before), before)[-KEPT_BUNDLES:]
        self._store.change(
            release=release.sequence, policy_digest=digest, previous_digests=previous
        )
        now = {one.digest for one in (brain, challenger) if one is not None}
        self._shelf.keep_only({*previous, *now, *self._devices.kept})
        log.info("release %d in force, policy %s", release.sequence, (digest or "none")[:12])

    def _tell(self, followed: Followed) -> None:
        """Show the loop a new picture, all of it at once."""
        wrong = [*self._wrong.values(), *filter(None, [self._devices.wrong])]
        self._followed = replace(
            followed,
            health=tuple(wrong),
            blocked_digests=self._store.state.blocked_digests,
        )
