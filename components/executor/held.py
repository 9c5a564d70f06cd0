"""What an operator said of a job that is to stay where it is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Held:
    """What an operator said."""

    reason: str
    until_s: float | None = None
    """Seconds since the epoch, UTC; None: until someone says otherwise."""
    cpus: str = ""
    """As a list of CPUs; "" leaves the job where it is."""
