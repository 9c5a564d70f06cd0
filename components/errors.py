"""Errors a person can act on.

JoulepilotError            everything we raise on purpose
├── TemporaryError         the same call may succeed later; a retry can help
└── PermanentError         the same call will fail again; someone has to change something

Every room derives its own from one of the two, so that the raiser decides whether a retry helps.
"""

from __future__ import annotations


class JoulepilotError(Exception):
    """What was asked, what is true, and what to do about it."""

    def __init__(self, asked: str, found: str, remedy: str) -> None:
        super().__init__(asked, found, remedy)
        self.asked = asked
        self.found = found
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.asked}; {self.found}; {self.remedy}"


class TemporaryError(JoulepilotError):
    """Something outside is away or busy; the same call may succeed later."""


class PermanentError(JoulepilotError):
    """The request or the data is wrong; the same call will fail again."""
