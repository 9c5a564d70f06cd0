"""What can go wrong with the solver's process."""

from __future__ import annotations

from components.errors import JoulepilotError


class SolverError(JoulepilotError):
    """The solver is not there, died, or did not answer in time; the greedy plan stands."""
