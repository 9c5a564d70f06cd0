"""Errors about the quality of data.

PermanentError
└── BadDataError      too much of what arrived is bad; nothing may be trained on it
"""

from components.errors import PermanentError


class BadDataError(PermanentError):
    """Too much of what arrived is bad; nothing may be trained on it."""
