"""Errors of changing a host.

JoulepilotError
├── HostAwayError (TemporaryError)      the engine does not answer
│   └── EngineFailedError               it answered that it failed
├── ApplyError (TemporaryError)         what was read back is not what was asked for
├── ContainerGoneError (PermanentError) the container is not there any more, or not running
├── RefusedError (PermanentError)       we, or the engine, refuse this request
├── HintError (PermanentError)          a hint to a server cannot be written, or is none
├── RouterError (TemporaryError)       the user's router cannot be pointed or reloaded
└── JournalError (PermanentError)       the journal cannot be written: nothing may be changed
"""

from components.errors import PermanentError, TemporaryError


class HostAwayError(TemporaryError):
    """The engine does not answer."""


class EngineFailedError(HostAwayError):
    """The engine answered that it failed: it may be in trouble, or the container is stopping."""


class ApplyError(TemporaryError):
    """What was read back is not what was asked for."""


class ContainerGoneError(PermanentError):
    """The container is not there any more, or not running."""


class RefusedError(PermanentError):
    """We, or the engine, refuse this request."""


class HintError(PermanentError):
    """A hint to a server cannot be written, or is none."""


class RouterError(TemporaryError):
    """The user's router cannot be pointed or reloaded."""


class JournalError(PermanentError):
    """The journal cannot be written: nothing may be changed."""
