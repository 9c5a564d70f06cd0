"""Errors about the lake.

JoulepilotError
├── LakeError (PermanentError)        a table is damaged, of another layout, or cannot be written
└── LakeBusyError (TemporaryError)    another process is writing; the same call may succeed later
"""

from components.errors import PermanentError, TemporaryError


class LakeError(PermanentError):
    """A table is damaged, of another layout, or cannot be written."""


class LakeBusyError(TemporaryError):
    """Another process is writing; the same call may succeed later."""
