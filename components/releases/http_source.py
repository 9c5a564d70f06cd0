"""Releases and bundles over HTTP: from the hub, or any web server with the same files."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from components.policy.errors import BundleError
from components.releases.desired import is_digest
from components.releases.entry import MAX_ENTRY_BYTES, Release, entry_name
from components.releases.http_get import Address, Answer, get
from components.releases.log import read_entry
from components.releases.store import (
    MANIFEST,
    MAX_FILE_BYTES,
    BundleStore,
    checked,
    manifest_files,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from components.settings.login import Login


class HttpSource:
    """Asks `URL/releases/000001.json` and `URL/bundles/DIGEST/FILE`.

    Entries never change, so one that was read is asked for again only by its ETag. Bundles are
    kept in `cache`, and a digest that is there is never asked for again: a node that has its
    bundle works on while the server is away.
    """

    def __init__(
        self, url: str, cache: Path, *, timeout_s: float = 5.0, login: Login | None = None
    ) -> None:
        self._address = Address.parse(url, login)
        self._cache = cache
        self._store = BundleStore(cache)
        self._timeout_s = timeout_s
        self._last: tuple[int, str, Release] | None = None

    def release(self, sequence: int) -> Release | None:
        """Read one entry; None when the log does not reach that far yet.

        Raises:
            SourceAwayError: the server does not answer in time, or answers that it cannot now.
            SourceError: the server refuses us, or sends us elsewhere.
            EntryError: the entry is damaged or breaks its contract.
        """
        known = self._last if self._last is not None and self._last[0] == sequence else None
        answer = self._get(
            f"releases/{entry_name(sequence)}",
            max_bytes=MAX_ENTRY_BYTES,
            content_types=("application/json",),
            etag=None if known is None else known[1],
        )
        if answer is None:
            return None
        if answer.not_modified and known is not None:
            return known[2]
        release = read_entry(answer.body, sequence, answer.where)
        self._last = None if answer.etag is None else (sequence, answer.etag, release)
        return release

    def bundle(self, digest: str) -> Path:
        """Folder of a bundle in the cache, fetched first when it is not there whole.

        Raises:
            SourceAwayError: the server does not answer in time, or answers that it cannot now.
            SourceError: the server refuses us, or sends us elsewhere.
            BundleError: the server does not have it, or what it has is damaged.
        """
        try:
            return self._store.path(digest)
        except BundleError:
            if not is_digest(digest):
                raise
        self._cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=self._cache) as folder:
            for name, content in self._files(digest):
                (Path(folder) / name).write_bytes(content)
            self._store.add(Path(folder))
        return self._store.path(digest)

    def _files(self, digest: str) -> Iterator[tuple[str, bytes]]:
        manifest = self._file(digest, MANIFEST, digest)
        yield MANIFEST, manifest
        for name, wanted in manifest_files(manifest, f"bundle {digest[:12]}").items():
            yield name, self._file(digest, name, wanted)

    def _file(self, digest: str, name: str, wanted: str) -> bytes:
        answer = self._get(f"bundles/{digest}/{name}", max_bytes=MAX_FILE_BYTES)
        if answer is None:
            raise BundleError(
                f"asked {self._address} for {name} of bundle {digest[:12]}",
                "the server does not have it",
                "copy the bundle beside the release log it is named in",
            )
        return checked(answer.body, wanted, answer.where)

    def _get(
        self,
        path: str,
        *,
        max_bytes: int,
        content_types: tuple[str, ...] = (),
        etag: str | None = None,
    ) -> Answer | None:
        return get(
            self._address,
            path,
            timeout_s=self._timeout_s,
            max_bytes=max_bytes,
            content_types=content_types,
            etag=etag,
        )
