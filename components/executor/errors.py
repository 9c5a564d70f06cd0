"""Errors of the executor.

JoulepilotError
├── ExecutorAwayError (TemporaryError)       no executor answers on this home's control socket
├── LockedError (PermanentError)             another executor has this home
├── CommandError (PermanentError)            a command asks for what cannot be done now
├── NothingToRollBackError (PermanentError)  no bundle from before is left on this node
└── ExecutorSettingsError (PermanentError)   a setting of the executor cannot be
"""

from components.errors import PermanentError, TemporaryError


class ExecutorAwayError(TemporaryError):
    """No executor answers on this home's control socket."""


class LockedError(PermanentError):
    """Another executor has this home, or the home cannot be written."""


class CommandError(PermanentError):
    """A command asks for what cannot be done now."""


class NothingToRollBackError(PermanentError):
    """No bundle from before is left on this node."""


class ExecutorSettingsError(PermanentError):
    """A setting of the executor cannot be."""
