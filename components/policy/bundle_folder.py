"""The folder of a bundle, of whichever kind: files that its manifest names by digest, no others."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from components.policy.errors import BundleError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MANIFEST = "bundle.json"
MAX_FILE_BYTES = 4_000_000


def write_files(folder: Path, files: Mapping[str, bytes]) -> dict[str, str]:
    """Write files, and return the SHA-256 of each for the manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return {name: hashlib.sha256(data).hexdigest() for name, data in sorted(files.items())}


def read_file(folder: Path, name: str) -> bytes:
    """Read one file of a bundle.

    Raises:
        BundleError: it is not there, cannot be read, or is larger than any of ours.
    """
    path = folder / name
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise damaged(folder, f"{name} has {size} bytes, {MAX_FILE_BYTES} are allowed")
        return path.read_bytes()
    except OSError as error:
        raise damaged(folder, f"{name} is unreadable: {error}") from error


def read_files(folder: Path, digests: Mapping[str, str]) -> dict[str, bytes]:
    """Read the files that a manifest names, by name.

    Raises:
        BundleError: one is missing, too many are there, or one is not what its digest says.
    """
    found = {path.name for path in folder.iterdir()}
    if found != {MANIFEST, *digests}:
        raise damaged(folder, f"it holds {sorted(found)} and names {sorted(digests)}")
    files = {name: read_file(folder, name) for name in digests}
    for name, wanted in digests.items():
        actual = hashlib.sha256(files[name]).hexdigest()
        if actual != wanted:
            raise damaged(folder, f"{name} has the SHA-256 {actual}, bundle.json names {wanted}")
    return files


def damaged(folder: Path, found: str) -> BundleError:
    """The error of a bundle that does not pass."""
    return BundleError(
        f"asked for the bundle {folder}",
        found,
        "take it again from where it was built, or keep the one in force",
    )
