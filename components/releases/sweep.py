"""A sweep that is asked for through the release log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.releases.errors import EntryError
from components.releases.patterns import check_patterns
from components.releases.strict_json import Fields

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepRequest:
    """Nodes that are asked to try allocations on purpose, once, and to publish what they saw.

    A node does it when it takes the entry, unless `not_after` has passed by then. Later entries
    do not call it off; a pause does, and a later request takes its place.
    """

    nodes: tuple[str, ...]
    n_windows: int
    """Windows measured at each point."""
    n_points: int | None = None
    """Joint allocations to try at most, spread over all there are; None: all."""
    window_s: float | None = None
    """Seconds a window lasts; None: the node's own setting."""
    not_after: datetime

    def __post_init__(self) -> None:
        check_patterns(self.nodes, "a sweep")
        if (
            self.n_windows < 1
            or (self.n_points is not None and self.n_points < 1)
            or (self.window_s is not None and self.window_s <= 0)
        ):
            raise EntryError(
                f"a sweep of {self.n_points} points, {self.n_windows} windows of {self.window_s} s",
                "each of these is above 0",
                "ask for at least one point, one window and a window that lasts",
            )

    def to_dict(self) -> dict[str, object]:
        """Lay out for JSON."""
        return {
            "nodes": list(self.nodes),
            "n_windows": self.n_windows,
            "n_points": self.n_points,
            "window_s": None if self.window_s is None else float(self.window_s),
            "not_after": self.not_after.isoformat(),
        }

    @classmethod
    def from_object(cls, value: object, where: str) -> SweepRequest:
        """Read strictly.

        Raises:
            EntryError: a key is unknown, missing or of another type, or a value cannot be.
        """
        fields = Fields(value, where)
        sweep = cls(
            nodes=fields.texts("nodes"),
            n_windows=fields.integer("n_windows"),
            n_points=fields.optional_integer("n_points"),
            window_s=fields.optional_number("window_s"),
            not_after=fields.time("not_after"),
        )
        fields.close()
        return sweep
