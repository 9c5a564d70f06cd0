"""Bundles kept on the node, so that it works on, and goes back, without any server."""

from __future__ import annotations

import logging
import shutil
from typing import TYPE_CHECKING

from components.releases.desired import is_digest
from components.releases.store import BundleStore

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet
    from pathlib import Path

log = logging.getLogger(__name__)


class BundleShelf:
    """Copies of the bundles that decide here or did."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._store = BundleStore(folder)

    def add(self, bundle: Path) -> str:
        """Keep a copy and return its digest.

        Raises:
            BundleError: the bundle is damaged, or the copy cannot be written.
        """
        if bundle.parent == self._folder and is_digest(bundle.name):
            return bundle.name
        return self._store.add(bundle)

    def path(self, digest: str) -> Path:
        """Folder of a bundle, every file checked against its digest.

        Raises:
            BundleError: it is not here, or damaged.
        """
        return self._store.path(digest)

    def keep_only(self, digests: AbstractSet[str]) -> None:
        """Remove all other bundles."""
        for folder in self._folder.glob("*"):
            if is_digest(folder.name) and folder.name not in digests:
                log.info("bundle %s is not needed any more", folder.name[:12])
                shutil.rmtree(folder, ignore_errors=True)
