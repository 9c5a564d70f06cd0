"""Errors about the inference server and its load generator.

JoulepilotError
├── BusyError (TemporaryError)        warming, draining, or the queue is full: try again later
├── ModelError (PermanentError)       a file is no network this server can run
├── DeviceAbsentError (PermanentError) a device is not on this machine
├── DeviceLostError (PermanentError)  a device that was held does not run any more
├── DeviceNameError (PermanentError)  a device is asked for that nobody knows
├── NetworkNameError (PermanentError) a network is asked for that nobody knows how to make
├── BadRequestError (PermanentError)  a request does not fit the network
├── ListenError (PermanentError)      the address cannot be listened on
└── LoadError (PermanentError)        the load asked for makes no sense
"""

from components.errors import PermanentError, TemporaryError


class BusyError(TemporaryError):
    """The server is warming, draining, or its queue is full."""


class ModelError(PermanentError):
    """A file is no network this server can run."""


class DeviceAbsentError(PermanentError):
    """A device is not on this machine."""


class DeviceLostError(PermanentError):
    """A device that was held does not run any more."""


class DeviceNameError(PermanentError):
    """A device is asked for that nobody knows."""


class NetworkNameError(PermanentError):
    """A network is asked for that nobody knows how to make."""


class BadRequestError(PermanentError):
    """A request does not fit the network."""


class ListenError(PermanentError):
    """The address cannot be listened on."""


class LoadError(PermanentError):
    """The load asked for makes no sense."""
