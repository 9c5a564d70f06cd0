"""Policies of this node: fetched, checked, and those kept that decide already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.errors import PermanentError, TemporaryError
from components.policy.brain import load_brain

if TYPE_CHECKING:
    from components.executor.bundle_shelf import BundleShelf
    from components.executor.followed import Followed
    from components.executor.state import StateStore
    from components.policy.brain import Brain
    from components.releases.entry import Release
    from components.releases.source import ReleaseSource


class Brains:
    """Gets the policies an entry wants; what goes wrong becomes a line of `wrong`."""

    def __init__(
        self,
        node: str,
        node_class: str,
        store: StateStore,
        shelf: BundleShelf,
        wrong: dict[str, str],
    ) -> None:
        self._node = node
        self._node_class = node_class
        self._store = store
        self._shelf = shelf
        self._wrong = wrong

    def wanted(
        self, release: Release, source: ReleaseSource, now: Followed
    ) -> tuple[Brain | None, Brain | None]:
        """Who decides by an entry, and who is compared with it where this node is in a canary.

        A line under `policy` where one of them could not be had.
        """
        self._wrong.pop("policy", None)
        self._wrong.pop("blocked", None)
        wanted = release.desired.digest_for(self._node)
        if wanted is None:
            return None, None
        champion = release.desired.champion_for(self._node)
        brain = self._get(release, champion, source, now)
        if wanted == champion or "policy" in self._wrong:
            return brain, None
        challenger = self._get(release, wanted, source, now)
        return brain, None if challenger is now.brain else challenger

    def _get(
        self, release: Release, digest: str | None, source: ReleaseSource, now: Followed
    ) -> Brain | None:
        if digest is None or digest == now.policy_digest:
            return None if digest is None else now.brain
        if digest in self._store.state.blocked_digests:
            self._wrong["blocked"] = (
                f"release {release.sequence} wants bundle {digest[:12]}, which was rolled back on "
                "this node; the policy from before decides"
            )
            return now.brain
        if now.challenger is not None and now.challenger.digest == digest:
            return now.challenger
        try:
            self._shelf.add(source.bundle(digest))
        except (TemporaryError, PermanentError) as error:
            self._wrong["policy"] = f"release {release.sequence} is not taken: {error}"
            return None
        return self.load(digest)

    def load(self, digest: str) -> Brain | None:
        """A policy that is on this node; None, and why under `policy`, where it cannot decide."""
        try:
            brain = load_brain(self._shelf.path(digest))
        except PermanentError as error:
            self._wrong["policy"] = str(error)
            return None
        if not brain.bundle.serves(self._node_class):
            self._wrong["policy"] = (
                f"bundle {digest[:12]} was made for {', '.join(brain.bundle.node_classes)}; this "
                f"node is {self._node_class}; promote one for it"
            )
            return None
        self._wrong.pop("policy", None)
        return brain
