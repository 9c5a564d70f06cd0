"""Errors of the command line and the embedded stack.

JoulepilotError
├── PortInUseError (PermanentError)     a port one of our servers needs is taken
├── ServiceError (TemporaryError)       a server we started did not become ready, or died
├── BusyError (TemporaryError)          the same work is under way in another process
├── SweepFailedError (TemporaryError)   a sweep did not end well on every node
└── NotBetterError (PermanentError)     the gate refused a challenger
"""

from components.errors import PermanentError, TemporaryError


class PortInUseError(PermanentError):
    """A port one of our servers needs is taken."""


class ServiceError(TemporaryError):
    """A server we started did not become ready, or died."""


class BusyError(TemporaryError):
    """The same work is under way in another process."""


class SweepFailedError(TemporaryError):
    """A sweep did not end well on every node."""


class NotBetterError(PermanentError):
    """The gate refused a challenger."""
