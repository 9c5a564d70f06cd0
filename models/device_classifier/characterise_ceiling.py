"""How well any chooser could do: one half of the rounds chooses, the other half judges.

Noise sets a limit: where two devices cost the same, which is "best" is drawn anew with every
recording. Halves hold half of the rounds, so they are noisier than their medians together: what
is said here is a limit from below.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import mean, median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from models.device_classifier.characterise_journal import Measured
    from models.device_classifier.characterise_measure import Turn

    Cost = Callable[[Turn], float | None]

NEAR = 1.05
HALVES = "half_against_half"  # in the sidecar of a recorded table


@dataclass(frozen=True, slots=True)
class Ceiling:
    """What the best device of one half of the rounds is worth in the other half.

    Attributes:
        n_points: where both halves measured at least two devices.
        accuracy: share in which both halves name the same device.
        within_5_percent: share in which the one named costs at most 5 % more than the best.
        mean_regret: how much more it costs, on the mean.
    """

    n_points: int
    accuracy: float
    within_5_percent: float
    mean_regret: float


def ceiling_in(facts: Mapping[str, object], objective: str) -> Ceiling | None:
    """What the sidecar of a table says of an objective; None where it says nothing of it."""
    said = facts.get(HALVES)
    found = said.get(objective) if isinstance(said, dict) else None
    if not isinstance(found, dict) or set(found) != set(Ceiling.__slots__):
        return None
    numbers = [value for value in found.values() if isinstance(value, int | float)]
    return Ceiling(**found) if len(numbers) == len(found) else None


def ceiling(measured: Iterable[Measured], cost: Cost) -> Ceiling | None:
    """Let halves judge each other; None where there are not two rounds of two devices.

    Args:
        measured: finished points.
        cost: of a turn, smaller is better; None where it was not measured.
    """
    same: list[bool] = []
    regrets: list[float] = []
    for point in measured:
        one, other = (_costs(point.turns, half, cost) for half in (0, 1))
        common = sorted(one.keys() & other.keys())
        if len(common) < 2:
            continue
        for chooser, judge in ((one, other), (other, one)):
            best = min(common, key=lambda name: chooser[name])
            least = min(judge[name] for name in common)
            same.append(judge[best] == least)
            regrets.append(judge[best] / least - 1.0)
    if not regrets:
        return None
    return Ceiling(
        n_points=len(regrets) // 2,
        accuracy=mean(same),
        within_5_percent=mean(regret <= NEAR - 1.0 for regret in regrets),
        mean_regret=mean(regrets),
    )


def _costs(turns: Sequence[Turn], half: int, cost: Cost) -> dict[str, float]:
    """Medians by device over every second round."""
    by_device: dict[str, list[float | None]] = {}
    for turn in turns:
        by_device.setdefault(turn.device, []).append(cost(turn))
    known = {
        device: [value for value in values[half::2] if value is not None]
        for device, values in by_device.items()
    }
    return {device: median(values) for device, values in known.items() if values}
