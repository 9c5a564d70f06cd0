"""Errors about learning.

PermanentError
├── NotEnoughSamplesError   too little was recorded to learn from
├── RecordingError          a recorded sweep is damaged, or there is none
└── SurfaceError            samples cannot be compiled to a surface
"""

from components.errors import PermanentError


class NotEnoughSamplesError(PermanentError):
    """Too little was recorded to learn from."""


class RecordingError(PermanentError):
    """A recorded sweep is damaged, or there is none."""


class SurfaceError(PermanentError):
    """Samples cannot be compiled to a surface."""


class ArenaError(JoulepilotError):
    """A contender could not be let decide a case."""
