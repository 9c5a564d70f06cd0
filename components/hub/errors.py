"""Errors of the hub.

JoulepilotError
├── SpoolError (TemporaryError)     the spool cannot take or move a body now
├── BodyError (PermanentError)      a body of the spool is not what was once put
├── HubAwayError (TemporaryError)   the hub does not answer
└── HubError (PermanentError)       the hub cannot start, or what it answers is not understood
"""

from components.errors import PermanentError, TemporaryError


class SpoolError(TemporaryError):
    """The spool cannot take or move a body now."""


class BodyError(PermanentError):
    """A body of the spool is not what was once put."""


class HubAwayError(TemporaryError):
    """The hub does not answer."""


class HubError(PermanentError):
    """The hub cannot start, or what it answers is not understood."""
