"""What can be wrong with a simulation."""

from __future__ import annotations

from components.errors import JoulepilotError


class ScenarioError(JoulepilotError):
    """A scenario, or a trace that it names, cannot be used."""
