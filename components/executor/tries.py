"""How much trying one job may still be put through."""

from __future__ import annotations

from dataclasses import dataclass, field

from components.planning.allowance import Allowance


@dataclass(slots=True)
class Tries:
    """Budgets of probes, apart from the limits on commitments, and when one narrowed last."""

    probes: Allowance = field(default_factory=lambda: Allowance(most=24, per_hour=60))
    misses: Allowance = field(default_factory=lambda: Allowance(most=5, per_hour=2))
    """Of probes that turned out to miss the target while another allocation kept it."""
    narrowed_at_s: float | None = None
    committed_at_s: float | None = None

    def note(self, at_s: float, *, is_narrower: bool) -> None:
        """Note that something came into force to be tried."""
        self.probes.spend(at_s)
        if is_narrower:
            self.narrowed_at_s = at_s

    def allow(self, at_s: float) -> bool:
        """Whether one more may be tried now."""
        return self.probes.allows(at_s) and self.misses.allows(at_s)

    def since_narrowed_s(self, at_s: float) -> float | None:
        """Seconds since the last narrowing to be tried; None before the first."""
        return None if self.narrowed_at_s is None else at_s - self.narrowed_at_s

    def has_rested(self, at_s: float, hold_s: float) -> bool:
        """Whether the last commitment is so long ago, if there was one."""
        return self.committed_at_s is None or at_s - self.committed_at_s >= hold_s

    def since_commit_s(self, at_s: float) -> float | None:
        """Seconds since the last commitment; None before the first."""
        return None if self.committed_at_s is None else at_s - self.committed_at_s
