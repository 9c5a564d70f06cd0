"""Errors about device tables.

PermanentError
└── DeviceTableError   a table or its sidecar is not what it says it is
"""

from components.errors import PermanentError


class DeviceTableError(PermanentError):
    """A table or its sidecar is not what it says it is."""
