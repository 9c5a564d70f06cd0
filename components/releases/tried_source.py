"""A source whose bundles are tried before anyone may load them here."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from components.releases.entry import Release
    from components.releases.source import ReleaseSource


class TriedSource:
    """Gives a bundle only after it was tried once; a ReleaseSource."""

    def __init__(self, source: ReleaseSource, try_bundle: Callable[[Path], None]) -> None:
        """`try_bundle` raises BundleError where a bundle must not be loaded."""
        self._source = source
        self._try_bundle = try_bundle
        self._tried: set[str] = set()

    def release(self, sequence: int) -> Release | None:
        """Read one entry; None when the log does not reach that far yet."""
        return self._source.release(sequence)

    def bundle(self, digest: str) -> Path:
        """Folder of a bundle that was tried.

        Raises:
            BundleError: it did not pass; others as the source.
        """
        folder = self._source.bundle(digest)
        if digest not in self._tried:
            self._try_bundle(folder)
            self._tried.add(digest)
        return folder
