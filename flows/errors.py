"""Errors of the command line and the embedded stack.

JoulepilotError
├── PortInUseError (PermanentError)     a port one of our servers needs is taken
├── ServiceError (TemporaryError)       a server we started did not become ready, or died
├── BusyError (TemporaryError)          the same work is under way in another process
├── SweepFailedError (TemporaryError)   a sweep did not end well on every node
├── DemoError (TemporaryError)          the demo waited for something that did not happen
├── DrillError (TemporaryError)         a step of the drill was not seen to happen
├── NoReleaseError (PermanentError)     the release log is empty
├── NotBetterError (PermanentError)     the gate refused a challenger
├── BlockedError (PermanentError)       a node blocked the bundle that shall be promoted
├── CanaryUnderWayError (PermanentError) another bundle is being tried
├── NoCanaryError (PermanentError)     a canary of what nodes cannot compare
├── DatabaseError (PermanentError)      a file that names no PostgreSQL server
├── AddressError (PermanentError)       an address to tell of trouble that is none
├── NoSamplesError (PermanentError)     no sample was checked yet
├── ApprovalError (PermanentError)      an approval that was not asked for, or is over
├── TimeError (PermanentError)          a time that cannot be read
├── RingError (PermanentError)          a ring that no node is in
├── ChoiceError (PermanentError)        a device cannot be chosen as it was asked for
├── NoTableError (PermanentError)       there is no device table to learn from
├── NotJudgedError (PermanentError)     the gate never saw a bundle
├── NotComparableError (PermanentError) two versions were not scored on the same cases
├── BenchmarkError (PermanentError)     a benchmark that cannot be
├── TargetsError (PermanentError)       targets that cannot be
├── EvaluationError (PermanentError)    an evaluation on recordings that cannot be
└── UnknownVersionError (PermanentError)  no version, or more than one, fits a name
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


class DemoError(TemporaryError):
    """The demo waited for something that did not happen."""


class DrillError(TemporaryError):
    """A step of the drill was not seen to happen."""


class NoReleaseError(PermanentError):
    """The release log is empty."""


class NotBetterError(PermanentError):
    """The gate refused a challenger."""


class BlockedError(PermanentError):
    """A node rolled the bundle that shall be promoted back by itself."""


class CanaryUnderWayError(PermanentError):
    """Another bundle is being tried; two at once would say nothing of either."""


class NoCanaryError(PermanentError):
    """A canary of a policy that nodes cannot compare with the one in force."""


class DatabaseError(PermanentError):
    """A file that shall name a PostgreSQL server, and does not."""


class AddressError(PermanentError):
    """An address to tell of trouble that is none, or a file of them that cannot be read."""


class NoSamplesError(PermanentError):
    """No sample was checked yet."""


class ApprovalError(PermanentError):
    """An approval that was not asked for, is decided or over, or is damaged."""


class TimeError(PermanentError):
    """A time that cannot be read."""


class RingError(PermanentError):
    """A ring that no node is in."""


class ChoiceError(PermanentError):
    """A device cannot be chosen as it was asked for."""


class NoTableError(PermanentError):
    """There is no device table to learn from."""


class NotJudgedError(PermanentError):
    """The gate never saw a bundle."""


class BenchmarkError(PermanentError):
    """A benchmark that cannot be."""


class TargetsError(PermanentError):
    """Targets that cannot be."""


class EvaluationError(PermanentError):
    """An evaluation on recordings that cannot be."""


class UnknownVersionError(PermanentError):
    """No version, or more than one, fits a name."""


class NotComparableError(PermanentError):
    """Two versions were not scored on the same cases."""
