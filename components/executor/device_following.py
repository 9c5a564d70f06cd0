"""Follows which device classifier the release log wants here; the allocator's twin, but optional.

A classifier that cannot be had leaves the one in force deciding, and the allocator untouched.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from components.errors import PermanentError, TemporaryError
from components.policy.device_bundle import load_device_classifier
from components.policy.device_manifest import DEVICE_CLASSIFIER

if TYPE_CHECKING:
    from components.executor.bundle_shelf import BundleShelf
    from components.executor.state import StateStore
    from components.policy.device_bundle import DeviceClassifier
    from components.releases.entry import Release
    from components.releases.source import ReleaseSource

log = logging.getLogger(__name__)


class DevicePolicyFollower:
    """Holds the device classifier in force; `wrong` says why it is not the one that is wanted."""

    def __init__(self, node: str, node_class: str, store: StateStore, shelf: BundleShelf) -> None:
        self._node = node
        self._node_class = node_class
        self._store = store
        self._shelf = shelf
        self.classifier: DeviceClassifier | None = None
        self.wrong: str | None = None

    def begin(self) -> None:
        """Take up what decided before a restart."""
        digest = self._store.state.device_digest
        if digest is not None:
            self.classifier = self._load(digest)

    def take(self, release: Release, source: ReleaseSource) -> None:
        """Bring into force what an entry wants."""
        digest = release.desired.digest_for(self._node, DEVICE_CLASSIFIER)
        now = None if self.classifier is None else self.classifier.digest
        if digest == now:
            self.wrong = None
            return
        if digest is None:
            self.classifier, self.wrong = None, None
            self._store.change(device_digest=None)
            return
        try:
            self._shelf.add(source.bundle(digest))
        except (TemporaryError, PermanentError) as error:
            self.wrong = f"the device classifier of release {release.sequence} is not here: {error}"
            return
        wanted = self._load(digest)
        if wanted is not None:
            self.classifier = wanted
            self._store.change(device_digest=digest)
            log.info("release %d in force, devices by %s", release.sequence, digest[:12])

    @property
    def kept(self) -> frozenset[str]:
        """Bundles that must stay on the shelf."""
        return frozenset() if self.classifier is None else frozenset({self.classifier.digest})

    def _load(self, digest: str) -> DeviceClassifier | None:
        try:
            classifier = load_device_classifier(self._shelf.path(digest))
        except PermanentError as error:
            self.wrong = str(error)
            return None
        if not classifier.bundle.serves(self._node_class):
            self.wrong = (
                f"device classifier {digest[:12]} was made for "
                f"{', '.join(classifier.bundle.node_classes)}; this node is {self._node_class}; "
                "promote one for it"
            )
            return None
        self.wrong = None
        return classifier
