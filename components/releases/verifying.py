"""Verifies signatures in a child, so that the library for it takes no memory of the executor.

The child lives while entries come in and is gone when the log's end is reached; on a node that is a
moment at its start, and one at each new entry.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from components.errors import JoulepilotError
from components.releases.errors import KeyFileError, SignatureError, SourceAwayError

if TYPE_CHECKING:
    from components.releases.entry import Release
    from components.releases.source import ReleaseSource

_READY, _GOOD = "ready", "good"
_MOST_CHARACTERS = 400
_PROGRAM = """
import sys
sys.path[:] = sys.argv[2:]
from components.releases.verifying import serve
serve(sys.argv[1])
"""


class _Child:
    """A process that gives a verdict a line."""

    def __init__(self, public_key: Path) -> None:
        words = [sys.executable, "-I", "-c", _PROGRAM, str(public_key.absolute()), *sys.path]
        hears, to_child = os.pipe()
        from_child, says = os.pipe()
        self._to = os.fdopen(to_child, "w", encoding="ascii")
        self._from = os.fdopen(from_child, encoding="utf-8")
        try:
            self.process = subprocess.Popen(
                words, stdin=hears, stdout=says, stderr=subprocess.DEVNULL
            )
        finally:
            os.close(hears)
            os.close(says)

    def hear(self) -> str:
        """The next line; "" when it has died."""
        return self._from.readline().strip()

    def ask(self, line: str) -> str:
        """Its verdict; "" when it has died."""
        try:
            self._to.write(f"{line}\n")
            self._to.flush()
            return self.hear()
        except OSError:
            return ""

    def end(self) -> None:
        """Let it end, and wait until it has."""
        for stream in (self._to, self._from):
            with suppress(OSError):  # what was not said to a dead child stays unsaid
                stream.close()
        self.process.wait()


class ChildVerifier:
    """Tells entries of those who may say so from others; keeps a child while it is asked."""

    def __init__(self, public_key: Path) -> None:
        """See that the key can be used.

        Raises:
            KeyFileError: it cannot.
        """
        self._public_key = public_key
        self._child: _Child | None = None
        self._started()
        self.rest()

    def check(self, release: Release) -> None:
        """Let an entry pass that was signed by the key's owner.

        Raises:
            SignatureError: it has no signature, or that of someone else, or was changed since.
            SourceAwayError: the child died; it is tried again.
            KeyFileError: the key is not there any more.
        """
        signature = (release.signature or "-").encode("ascii", "replace").decode()
        one_word = "".join(signature.split())[:_MOST_CHARACTERS] or "-"
        verdict = self._started().ask(f"{release.checksum} {one_word}")
        if not verdict:
            self.rest()
            raise SourceAwayError(
                "asked a child to verify a signature", "it died", "it is tried again"
            )
        if verdict != _GOOD:
            raise SignatureError(
                f"entry {release.sequence} ({release.kind} by {release.who})",
                verdict,
                f"have it made where the key to {self._public_key} is; find out who wrote this one",
            )

    def rest(self) -> None:
        """End the child; the next check starts another."""
        child, self._child = self._child, None
        if child is not None:
            child.end()

    def _started(self) -> _Child:
        if self._child is not None:
            return self._child
        child = _Child(self._public_key)
        said = child.hear()
        if said != _READY:
            child.end()
            raise KeyFileError(
                f"asked for the public key {self._public_key}",
                said or "no child could be started",
                "give one that `joulepilot keys new` made",
            )
        self._child = child
        return child


class SignedSource:
    """A source of which only signed entries are taken; a ReleaseSource."""

    def __init__(self, source: ReleaseSource, verifier: ChildVerifier) -> None:
        self._source = source
        self._verifier = verifier

    def release(self, sequence: int) -> Release | None:
        """Read one entry; None when the log does not reach that far yet.

        Raises:
            SignatureError: it is not signed by the key's owner; others as the source.
        """
        try:
            release = self._source.release(sequence)
        except JoulepilotError:
            self._verifier.rest()
            raise
        if release is None:
            self._verifier.rest()
        else:
            self._verifier.check(release)
        return release

    def bundle(self, digest: str) -> Path:
        """Folder of a bundle that a signed entry named; errors are those of the source."""
        return self._source.bundle(digest)


def serve(public_key: str) -> None:
    """Be the child: a verdict a line, `CHECKSUM SIGNATURE` in, until there is no more."""
    from components.releases.signature import Verifier

    try:
        verifier = Verifier(Path(public_key))
    except KeyFileError as error:
        _say(error.found)
        return
    _say(_READY)
    for line in sys.stdin:
        checksum, _, signature = line.strip().partition(" ")
        _say(verifier.verdict(checksum, None if signature == "-" else signature) or _GOOD)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
