"""Errors about learning.

PermanentError
├── ArenaError              a contender could not be let decide a case
├── NotEnoughSamplesError   too little was recorded to learn from
├── RecordingError          a recorded sweep is damaged, or there is none
└── SurfaceError            samples cannot be compiled to a surface
"""

from components.errors import PermanentError


class ArenaError(PermanentError):
    """A contender could not be let decide a case."""


class NotEnoughSamplesError(PermanentError):
    """Too little was recorded to learn from."""


class RecordingError(PermanentError):
    """A recorded sweep is damaged, or there is none."""


class SurfaceError(PermanentError):
    """Samples cannot be compiled to a surface."""
