"""Errors about device tables and networks.

PermanentError
├── DeviceTableError   a table or its sidecar is not what it says it is
├── NetworkError       a file is no network whose graph can be read
└── RecordingError     a recording of devices cannot be begun, or taken up again
"""

from components.errors import PermanentError


class DeviceTableError(PermanentError):
    """A table or its sidecar is not what it says it is."""


class NetworkError(PermanentError):
    """A file is no network whose graph can be read."""


class RecordingError(PermanentError):
    """A recording of devices cannot be begun, or taken up again."""
