"""Errors about the quality of data.

PermanentError
├── BadDataError      too much of what arrived is bad; nothing may be trained on it
└── ReportError       the page of a check cannot be written
"""

from components.errors import PermanentError


class BadDataError(PermanentError):
    """Too much of what arrived is bad; nothing may be trained on it."""


class ReportError(PermanentError):
    """The page of a check cannot be written."""
