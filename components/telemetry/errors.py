"""Errors about telemetry.

JoulepilotError
├── ReadingError (TemporaryError)     a meter or a page could not be read this time
├── MeterError (PermanentError)       a meter is absent, frozen or not understood
└── EventError (PermanentError)       an event or one of its fields breaks the contract
"""

from components.errors import PermanentError, TemporaryError


class ReadingError(TemporaryError):
    """A meter or a page could not be read this time."""


class MeterError(PermanentError):
    """A meter is absent, frozen or not understood."""


class EventError(PermanentError):
    """An event or one of its fields breaks the contract."""
