"""Errors of the savings report."""

from components.errors import PermanentError


class SavingsError(PermanentError):
    """Samples that no savings can be read from."""
