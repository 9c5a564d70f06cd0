"""Errors about processors.

JoulepilotError
├── DeviceAbsentError (PermanentError)     a processor, its driver or its library is not there
├── DeviceNameError (PermanentError)       no processor has such a name
└── NetworkRefusedError (PermanentError)   a processor cannot run this network at this batch
"""

from components.errors import PermanentError


class DeviceAbsentError(PermanentError):
    """A processor, its driver or its library is not there."""


class DeviceNameError(PermanentError):
    """No processor has such a name."""


class NetworkRefusedError(PermanentError):
    """A processor cannot run this network at this batch."""
