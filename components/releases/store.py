"""Bundles kept by their digest, so that a name can only ever mean one content."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
from typing import TYPE_CHECKING

from components.durable_file import sync_folder, write_new
from components.policy.errors import BundleError
from components.releases.desired import is_digest
from components.releases.errors import EntryError
from components.releases.strict_json import parse

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MANIFEST = "bundle.json"
MAX_FILE_BYTES = 4_000_000
MAX_FILES = 32
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class BundleStore:
    """A folder with one sub-folder per bundle, named by the SHA-256 of its `bundle.json`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, bundle: Path) -> str:
        """Keep a copy of a bundle folder and return its digest; one already here stays.

        Only the files that `bundle.json` names are copied.

        Raises:
            BundleError: the bundle is damaged, or the copy cannot be written.
        """
        digest, files = read_bundle(bundle)
        try:
            self.path(digest)
        except BundleError:
            self._keep(digest, files)
        return digest

    def path(self, digest: str) -> Path:
        """Folder of a bundle, every file checked against its digest.

        Raises:
            BundleError: it is not here, or damaged.
        """
        if not is_digest(digest):
            raise BundleError(
                f"asked for bundle {digest!r}",
                "that is no digest",
                "give the 64 hexadecimal digits of an entry of the release log",
            )
        folder = self._folder / digest
        if not folder.is_dir():
            raise BundleError(
                f"asked for bundle {digest[:12]}",
                f"{self._folder} does not hold it",
                "copy its folder there, or promote it again",
            )
        found, _ = read_bundle(folder)
        if found != digest:
            raise BundleError(
                f"asked for bundle {digest[:12]}",
                f"what is kept under that name has the digest {found[:12]}",
                f"remove {folder} and copy the right one there",
            )
        return folder

    def _keep(self, digest: str, files: Mapping[str, bytes]) -> None:
        draft = self._folder / f".{digest}.{os.getpid()}.{secrets.token_hex(4)}"
        try:
            draft.mkdir(parents=True)
            for name, content in files.items():
                write_new(draft / name, content)
            sync_folder(draft)
            self._move_into_place(draft, digest)
            sync_folder(self._folder)
        except OSError as error:
            raise BundleError(
                f"keep bundle {digest[:12]} in {self._folder}",
                f"it cannot be written: {error}",
                "make room and let this user write there",
            ) from error
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        self.path(digest)

    def _move_into_place(self, draft: Path, digest: str) -> None:
        """Others may have put it there meanwhile; a damaged one is set aside, not removed."""
        target = self._folder / digest
        if target.exists():
            try:
                self.path(digest)
            except BundleError:
                target.rename(draft.with_name(f"{draft.name}.damaged"))
            else:
                return
        try:
            draft.rename(target)
        except OSError:
            self.path(digest)


def read_bundle(folder: Path) -> tuple[str, dict[str, bytes]]:
    """Read a bundle's files, each checked against the digest that `bundle.json` names.

    Returns:
        The bundle's digest, and the content of every file by name, `bundle.json` first.

    Raises:
        BundleError: a file is missing, too large, or not what its digest says.
    """
    manifest = _read(folder / MANIFEST)
    files = {MANIFEST: manifest}
    for name, wanted in manifest_files(manifest, str(folder)).items():
        files[name] = checked(_read(folder / name), wanted, f"{folder}/{name}")
    return hashlib.sha256(manifest).hexdigest(), files


def manifest_files(manifest: bytes, where: str) -> dict[str, str]:
    """Name and SHA-256 of every file that a `bundle.json` names.

    Raises:
        BundleError: it is no such file, or names files that a bundle may not have.
    """
    try:
        content = parse(manifest, f"{where}/{MANIFEST}")
    except EntryError as error:
        raise BundleError(error.asked, error.found, error.remedy) from error
    files = content.get("files") if isinstance(content, dict) else None
    if not isinstance(files, dict) or not 0 < len(files) <= MAX_FILES:
        raise _bad(where, f"`files` does not name 1 to {MAX_FILES} files")
    for name, digest in files.items():
        if _FILE_NAME.fullmatch(name) is None or name == MANIFEST:
            raise _bad(where, f"{name!r} is no plain file name")
        if not isinstance(digest, str) or not is_digest(digest):
            raise _bad(where, f"{digest!r} of {name} is no digest")
    return {str(name): str(digest) for name, digest in files.items()}


def checked(content: bytes, digest: str, where: str) -> bytes:
    """Return the content if it has the digest.

    Raises:
        BundleError: it has another.
    """
    found = hashlib.sha256(content).hexdigest()
    if found != digest:
        raise BundleError(
            f"read {where} with the digest {digest[:12]}",
            f"its content has the digest {found[:12]}",
            "copy the bundle again from where it was made",
        )
    return content


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise BundleError(
            f"read {path}", f"it cannot be read: {error}", "copy the whole bundle folder again"
        ) from error
    if len(content) > MAX_FILE_BYTES:
        raise BundleError(
            f"read {path}", f"it is larger than {MAX_FILE_BYTES} bytes", "give a smaller bundle"
        )
    return content


def _bad(where: str, found: str) -> BundleError:
    return BundleError(
        f"read {where}/{MANIFEST}", found, "build the bundle again with this joulepilot"
    )
