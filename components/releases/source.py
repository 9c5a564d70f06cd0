"""Where a node reads releases and bundles: the port, and a home on the same machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from components.releases.http_source import HttpSource
from components.releases.log import ReleaseLog
from components.releases.store import BundleStore

if TYPE_CHECKING:
    from pathlib import Path

    from components.releases.entry import Release

__all__ = ["FolderSource", "HttpSource", "ReleaseSource"]

RELEASES = "releases"
BUNDLES = "bundles"


class ReleaseSource(Protocol):
    """Gives entries in order, and bundles by digest. What it gives is whole and checked."""

    def release(self, sequence: int) -> Release | None:
        """Read one entry; None when the log does not reach that far yet.

        Raises:
            SourceAwayError: it cannot be reached or read just now.
            SourceError: what answers is no release log, or refuses us.
            EntryError: the entry is damaged or breaks its contract.
            ReleaseLogError: the log in a folder is damaged.
        """
        ...

    def bundle(self, digest: str) -> Path:
        """Folder of a bundle on this machine, every file checked against its digest.

        Raises:
            SourceAwayError: it cannot be reached or read just now.
            SourceError: what answers is no release log, or refuses us.
            BundleError: it is not there, or damaged.
        """
        ...


class FolderSource:
    """The release log and bundles of a home on this machine."""

    def __init__(self, home: Path) -> None:
        self._log = ReleaseLog(home / RELEASES)
        self._store = BundleStore(home / BUNDLES)

    def release(self, sequence: int) -> Release | None:
        """Read one entry; None when the log does not reach that far yet."""
        return self._log.get(sequence)

    def bundle(self, digest: str) -> Path:
        """Folder of a bundle, every file checked against its digest."""
        return self._store.path(digest)
