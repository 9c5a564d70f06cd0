"""The trials of one guard as a table, and whether it holds what it promises."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.executor.guard_trial.trial import Outcome

MORE_MISSES = 0.01
"""Share of windows that may miss the target beyond those that miss it with all CPUs."""
WINDOWS_TO_REPAIR = 2
KEPT_SAVING = 0.95
CHOICE_WITHIN_S = 120.0


@dataclass(frozen=True, slots=True)
class Row:
    """One policy behind the guard, over all nodes."""

    policy: str
    n_windows: int
    missed: float
    """Share of windows that missed the target."""
    missed_with_all: float
    """The same with all CPUs given."""
    n_excursions: int
    repaired: float
    """Share of excursions that were over within two windows."""
    longest_windows: float
    saving: float
    """Share of the node power with all CPUs."""
    n_moves: int
    slowest_choice_s: float | None
    """Until the first choice was in force on the slowest node; None: on one it never was."""

    @property
    def holds(self) -> bool:
        """Whether the target was missed no more than promised, and each excursion repaired."""
        return self.missed <= self.missed_with_all + MORE_MISSES and self.repaired == 1.0


def row_of(
    policy: str, outcomes: Sequence[Outcome], ticks_per_window: int, settle_ticks: int
) -> Row:
    """Sum up one policy's trials.

    Args:
        policy: its name.
        outcomes: one a node.
        ticks_per_window: length of a window.
        settle_ticks: what is seen so soon after a change belongs to no window, so it counts extra.
    """
    judges = [outcome.judge for outcome in outcomes]
    n_windows = sum(judge.n_windows for judge in judges)
    lengths = [length for judge in judges for length in judge.excursions]
    allowed = WINDOWS_TO_REPAIR * (ticks_per_window + settle_ticks)
    chosen = [outcome.settled_after_s for outcome in outcomes]
    known = [seconds for seconds in chosen if seconds is not None]
    return Row(
        policy,
        n_windows,
        sum(judge.n_missed for judge in judges) / n_windows,
        sum(judge.n_missed_with_all for judge in judges) / n_windows,
        len(lengths),
        sum(n <= allowed for n in lengths) / len(lengths) if lengths else 1.0,
        max(lengths, default=0) / ticks_per_window,
        1.0 - sum(j.energy for j in judges) / sum(j.energy_with_all for j in judges),
        sum(outcome.n_moves for outcome in outcomes),
        max(known) if len(known) == len(chosen) else None,
    )


def to_text(rows: Sequence[Row]) -> str:
    """Lay out for a terminal."""
    head = (
        f"{'policy':<22}{'windows':>8}{'missed':>9}{'all CPUs':>10}{'excursions':>11}"
        f"{'repaired':>10}{'longest':>9}{'saving':>8}{'moves':>7}{'choice s':>9}  holds"
    )
    return "\n".join([head, *(_line(row) for row in rows)])


def _line(row: Row) -> str:
    choice = "-" if row.slowest_choice_s is None else f"{row.slowest_choice_s:.0f}"
    return (
        f"{row.policy:<22}{row.n_windows:>8}{row.missed:>9.2%}{row.missed_with_all:>10.2%}"
        f"{row.n_excursions:>11}{row.repaired:>10.1%}{row.longest_windows:>9.1f}"
        f"{row.saving:>8.1%}{row.n_moves:>7}{choice:>9}  {'yes' if row.holds else 'NO'}"
    )
