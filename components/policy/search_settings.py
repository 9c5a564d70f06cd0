"""How careful a search is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.policy.errors import PolicyError
from components.policy.manifest import PROBE_RULES

if TYPE_CHECKING:
    from components.policy.recorded import JobKey


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """Limits of one search."""

    max_probes: int = 12
    """Windows spent on probes, repeats included, confirmation not."""
    max_unsafe_probes: int = 2
    """Candidates seen above the target, while another keeps it, before narrowing ends."""
    min_p_feasible: float = 0.5
    """Least probability of keeping the target for a probe while another candidate keeps it."""
    confirm_windows: int = 10
    """Length of the confirmation, in windows."""
    window_sigma: float = 0.005
    """Expected sigma of the log latency from one window to the next; repeats correct it."""
    probe_rule: str | None = None
    """`learned`, `look-ahead` or `expected-improvement`; None: the bundle's own."""
    job: JobKey | None = None
    """Which job is searched for: what was recorded of it before is known. None: a stranger."""

    def __post_init__(self) -> None:
        for name, fine in (
            ("max_probes", self.max_probes >= 1),
            ("max_unsafe_probes", self.max_unsafe_probes >= 0),
            ("min_p_feasible", 0.0 <= self.min_p_feasible <= 1.0),
            ("confirm_windows", self.confirm_windows >= 1),
            ("window_sigma", 0.0 < self.window_sigma < 1.0),
            ("probe_rule", self.probe_rule is None or self.probe_rule in PROBE_RULES),
        ):
            if not fine:
                raise PolicyError(
                    f"asked for a search with {name} {getattr(self, name)!r}",
                    "that is out of range",
                    f"leave {name} out to get the default",
                )
