"""Errors about learning.

PermanentError
├── NotEnoughSamplesError   too little was recorded to learn from
└── SurfaceError            samples cannot be compiled to a surface
"""

from components.errors import PermanentError


class NotEnoughSamplesError(PermanentError):
    """Too little was recorded to learn from."""


class SurfaceError(PermanentError):
    """Samples cannot be compiled to a surface."""
