"""What can be wrong with what people say to the plan.

JoulepilotError
├── SignalError         a price or carbon signal that cannot be read
├── DeferralError       deferrable work that is no work
└── AdministratorError  an administrator file that cannot be taken
"""

from __future__ import annotations

from components.errors import JoulepilotError


class SignalError(JoulepilotError):
    """A price or carbon signal cannot be read."""


class DeferralError(JoulepilotError):
    """Deferrable work is no work, or has no rate to be done at."""


class AdministratorError(JoulepilotError):
    """The administrator file cannot be taken; what was said before holds on."""
