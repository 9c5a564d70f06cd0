"""Errors about releases.

JoulepilotError
├── ConflictError (TemporaryError)     someone else's entry took the place of ours
├── SourceAwayError (TemporaryError)   the release log cannot be reached or read just now
├── SourceError (PermanentError)       the address given does not serve a release log to us
├── EntryError (PermanentError)        an entry breaks its contract
│   └── SignatureError                 it is not signed by who may say what nodes run
├── GateFileError (PermanentError)     the file of the gate's rules cannot be followed
├── KeyFileError (PermanentError)      a key is absent, damaged, or there already
├── ReleaseLogError (PermanentError)   the log has a damaged entry or a gap
└── RefusedError (PermanentError)      what was asked may not become an entry

Bundles that are missing, damaged or foreign are `components.policy.errors.BundleError`.
"""

from __future__ import annotations

from components.errors import PermanentError, TemporaryError


class ConflictError(TemporaryError):
    """Someone else's entry took the place of ours; what to do is to look at it and decide anew."""


class SourceAwayError(TemporaryError):
    """The release log cannot be reached or read just now."""


class SourceError(PermanentError):
    """The address given does not serve a release log to us."""


class EntryError(PermanentError):
    """An entry breaks its contract."""


class SignatureError(EntryError):
    """An entry is not signed by who may say what nodes run."""


class GateFileError(PermanentError):
    """The file of the gate's rules cannot be read, or asks for what there is not."""


class KeyFileError(PermanentError):
    """A key is absent, damaged, or there already."""


class ReleaseLogError(PermanentError):
    """The log has a damaged entry or a gap."""


class RefusedError(PermanentError):
    """What was asked may not become an entry."""
