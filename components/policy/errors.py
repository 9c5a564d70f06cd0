"""Errors about policies.

PermanentError
├── BundleError       a bundle is damaged, foreign or breaks its contract
└── PolicyError       a policy answered with something that cannot be used (NaN, wrong shape)
"""

from components.errors import PermanentError


class BundleError(PermanentError):
    """A bundle is damaged, foreign or breaks its contract."""


class PolicyError(PermanentError):
    """A policy answered with something that cannot be used."""
