"""Errors about telemetry.

JoulepilotError
├── ReadingError (TemporaryError)     a meter or a page could not be read this time
├── MeterError (PermanentError)       a meter is absent, frozen or not understood
├── EndpointError (PermanentError)    the address of a hub or page is no address
└── EventError (PermanentError)       an event or one of its fields breaks the contract
    ├── EventTypeError                a body of a type or encoding we do not read
    └── EventSizeError                a body larger than we take
"""

from components.errors import PermanentError, TemporaryError


class ReadingError(TemporaryError):
    """A meter or a page could not be read this time."""


class MeterError(PermanentError):
    """A meter is absent, frozen or not understood."""


class EndpointError(PermanentError):
    """The address of a hub or page is no address."""


class EventError(PermanentError):
    """An event or one of its fields breaks the contract."""


class EventTypeError(EventError):
    """A body of a type or encoding we do not read."""


class EventSizeError(EventError):
    """A body larger than we take."""
