"""Who may say what nodes run: entries of the release log signed by Ed25519.

A signature covers all of an entry, and an entry names its bundles by digests that cover every file,
so one signature holds for the policy too. A node that was given a public key takes nothing else.
The key for signing lies at `HOME/keys/signing.pem` beside the log; where it is, each new entry is
signed with it.
"""

from __future__ import annotations

import base64
import os
from dataclasses import replace
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from components.releases.errors import KeyFileError, SignatureError

if TYPE_CHECKING:
    from pathlib import Path

    from components.releases.entry import Release

_PURPOSE = b"joulepilot release entry, version 1\n"
"""Signed before the checksum, so that a signature given for something else never counts here."""
_MAX_KEY_BYTES = 10_000
_KEY_BYTES = 32
_SPKI = bytes.fromhex("302a300506032b6570032100")
"""What stands before the key of every Ed25519 SubjectPublicKeyInfo in DER."""
_PEM_BEGIN, _PEM_END = b"-----BEGIN PUBLIC KEY-----\n", b"-----END PUBLIC KEY-----"


def signing_key_file(home: Path) -> Path:
    """Where the key for signing lies."""
    return home / "keys" / "signing.pem"


def public_key_file(home: Path) -> Path:
    """Where its public part lies, to be copied to the nodes."""
    return home / "keys" / "public.pem"


def new_keys(home: Path) -> tuple[Path, Path]:
    """Make a pair of keys; an existing one is never replaced.

    Returns:
        Files of the key for signing (readable by its owner alone) and of the public one.

    Raises:
        KeyFileError: there are keys already, or they cannot be written.
    """
    # only who signs pays for it: it takes 2.5 MiB, and nodes only verify
    from cryptography.hazmat.primitives import serialization

    private, public = signing_key_file(home), public_key_file(home)
    key = Ed25519PrivateKey.generate()
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    known = _to_pem(key.public_key().public_bytes_raw())
    try:
        private.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _write_new(private, secret, 0o600)
        _write_new(public, known, 0o644)
    except FileExistsError as error:
        raise KeyFileError(
            f"asked for new keys in {private.parent}",
            f"{error.filename} is there already",
            "keep it; to change keys move the folder away, and give nodes the new public one",
        ) from error
    except OSError as error:
        raise KeyFileError(
            f"asked for new keys in {private.parent}", str(error), "give a --home you may write"
        ) from error
    return private, public


class Signer:
    """Signs entries."""

    def __init__(self, path: Path) -> None:
        """Read the key.

        Raises:
            KeyFileError: it is absent, or no Ed25519 key.
        """
        from cryptography.hazmat.primitives import serialization

        try:
            key = serialization.load_pem_private_key(_read(path), password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise _no_key(path, "signing") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise _no_key(path, "signing")
        self._key = key

    def signed(self, release: Release) -> Release:
        """The same entry with a signature."""
        signature = self._key.sign(_message(release.checksum))
        return replace(release, signature=base64.b64encode(signature).decode())


class Verifier:
    """Tells entries of those who may say so from others."""

    def __init__(self, path: Path) -> None:
        """Read the public key.

        Raises:
            KeyFileError: it is absent, or no Ed25519 key.
        """
        raw = _from_pem(_read(path))
        if raw is None:
            raise _no_key(path, "public")
        self._key = Ed25519PublicKey.from_public_bytes(raw)
        self._path = path

    def check(self, release: Release) -> None:
        """Let an entry pass that was signed by the key's owner.

        Raises:
            SignatureError: it has no signature, or that of someone else, or was changed since.
        """
        wrong = self.verdict(release.checksum, release.signature)
        if wrong is not None:
            raise SignatureError(
                f"entry {release.sequence} ({release.kind} by {release.who})",
                wrong,
                f"have it made where the key to {self._path} is; find out who wrote this one",
            )

    def verdict(self, checksum: str, signature: str | None) -> str | None:
        """What is wrong with a signature over an entry's checksum; None: nothing."""
        if signature is None:
            return "it is not signed"
        try:
            self._key.verify(base64.b64decode(signature, validate=True), _message(checksum))
        except ValueError:
            return "its signature is not base64"
        except InvalidSignature:
            return "it was signed by another key, or changed"
        return None


def _to_pem(key: bytes) -> bytes:
    """A public key as SubjectPublicKeyInfo in PEM (RFC 8410)."""
    return _PEM_BEGIN + base64.b64encode(_SPKI + key) + b"\n" + _PEM_END + b"\n"


def _from_pem(text: bytes) -> bytes | None:
    """The 32 bytes of such a key; None where it is another thing."""
    lines = b"".join(text.split(b"\n"))
    begin, end = _PEM_BEGIN.strip(), _PEM_END
    if not (lines.startswith(begin) and lines.endswith(end)):
        return None
    try:
        der = base64.b64decode(lines[len(begin) : -len(end)], validate=True)
    except ValueError:
        return None
    is_ours = der.startswith(_SPKI) and len(der) == len(_SPKI) + _KEY_BYTES
    return der[len(_SPKI) :] if is_ours else None


def _message(checksum: str) -> bytes:
    return _PURPOSE + checksum.encode()


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MAX_KEY_BYTES)
    except OSError as error:
        raise KeyFileError(
            f"asked for the key {path}",
            f"it cannot be read: {error}",
            "give the path of a key that `joulepilot keys new` made",
        ) from error


def _write_new(path: Path, content: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _no_key(path: Path, kind: str) -> KeyFileError:
    return KeyFileError(
        f"asked for the {kind} key {path}",
        f"it is no {kind} Ed25519 key in PEM",
        "give one that `joulepilot keys new` made",
    )
