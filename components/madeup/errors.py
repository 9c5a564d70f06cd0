"""Errors about made-up nodes.

PermanentError
└── MadeUpError       a made-up node, family or job of that kind cannot be
"""

from components.errors import PermanentError


class MadeUpError(PermanentError):
    """A made-up node, family or job of that kind cannot be."""
