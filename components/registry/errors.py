"""Errors about the registry.

JoulepilotError
└── RegistryError
    ├── RegistryAwayError (TemporaryError)      MLflow does not answer just now
    └── RegistryRefusedError (PermanentError)   MLflow does not have it, or refuses it
"""

from __future__ import annotations

from components.errors import JoulepilotError, PermanentError, TemporaryError


class RegistryError(JoulepilotError):
    """MLflow could not do what was asked; releases and nodes go on without it."""


class RegistryAwayError(RegistryError, TemporaryError):
    """MLflow does not answer just now."""


class RegistryRefusedError(RegistryError, PermanentError):
    """MLflow does not have it, or refuses it."""
