"""What a counter taught of a node: its power as a curve over utilization, for when it is gone.

P = n · (idle + (full - idle) · ū^exponent), see `power_model`. Readings are averaged in steps of
utilization, so that an hour at idle does not outweigh a minute of work, and fitted by least squares
for each of a few exponents. Before enough of the curve was seen, the published figures keep their
shape and are scaled to what was measured.
"""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from components.durable_file import replace_file
from components.telemetry.errors import MeterError
from components.telemetry.power_model import PowerCurve

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger(__name__)

N_STEPS = 20
_EXPONENTS = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3)
_WEIGHT = 0.1
"""Of a new reading in its step's mean: the newest twenty or so count."""
_LEAST_SPAN = 0.3
_LEAST_STEPS = 3


@dataclass(slots=True)
class PowerCalibration:
    """Mean power per logical CPU over utilization, as a counter showed it."""

    n_logical: int
    published: PowerCurve
    steps: dict[int, tuple[float, float]] = field(default_factory=dict)
    """Mean utilization and mean watts per logical CPU of each step seen."""

    @property
    def is_seen(self) -> bool:
        """Whether a counter ever taught it anything."""
        return bool(self.steps)

    def observe(self, utilization: float, power_w: float) -> None:
        """Take one reading of the node: mean utilization in [0, 1], watts above 0."""
        if not (0 <= utilization <= 1 and power_w > 0):
            return
        step = min(int(utilization * N_STEPS), N_STEPS - 1)
        new = (utilization, power_w / self.n_logical)
        old = self.steps.get(step)
        if old is not None:
            new = (_mixed(old[0], new[0]), _mixed(old[1], new[1]))
        self.steps[step] = new

    def curve(self) -> PowerCurve:
        """The node's curve as far as it is known."""
        if not self.steps:
            return self.published
        used = [utilization for utilization, _ in self.steps.values()]
        if len(used) >= _LEAST_STEPS and max(used) - min(used) >= _LEAST_SPAN:
            fits = [_fit(tuple(self.steps.values()), exponent) for exponent in _EXPONENTS]
            _error, curve = min(fits, key=lambda fit: fit[0])
            if curve is not None:
                return curve
        return self._scaled()

    def _scaled(self) -> PowerCurve:
        measured = sum(watts for _, watts in self.steps.values())
        published = sum(self.published.per_cpu_w(u) for u, _ in self.steps.values())
        ratio = measured / published
        shape = self.published
        return PowerCurve(shape.idle_w * ratio, shape.full_w * ratio, shape.exponent)

    def save(self, path: Path) -> None:
        """Keep it for the next start.

        Raises:
            OSError: it cannot be written.
        """
        rows = {str(step): list(seen) for step, seen in sorted(self.steps.items())}
        replace_file(path, json.dumps({"n_logical": self.n_logical, "steps": rows}))

    def load(self, path: Path) -> None:
        """Take what was kept, if it is whole and of this node; a damaged file teaches nothing."""
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
            if kept["n_logical"] != self.n_logical:
                return
            rows = {int(step): (float(u), float(w)) for step, (u, w) in kept["steps"].items()}
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            log.warning("what power was learned from %s is not used: %r", path, error)
            return
        for utilization, watts in rows.values():
            self.observe(utilization, watts * self.n_logical)


def _mixed(old: float, new: float) -> float:
    return old + _WEIGHT * (new - old)


def _fit(
    points: tuple[tuple[float, float], ...], exponent: float
) -> tuple[float, PowerCurve | None]:
    """Least squares of watts over utilization^exponent: squared error, and the curve."""
    xs = [utilization**exponent for utilization, _ in points]
    ys = [watts for _, watts in points]
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    spread = sum((x - mean_x) ** 2 for x in xs)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True)) / spread
    idle_w = mean_y - slope * mean_x
    error = sum((idle_w + slope * x - y) ** 2 for x, y in zip(xs, ys, strict=True))
    try:
        return error, PowerCurve(idle_w, idle_w + slope, exponent)
    except MeterError:
        return float("inf"), None


def describe(curve: PowerCurve) -> str:
    """The curve in words, for doctor and log."""
    said = {name: f"{value:.3g}" for name, value in asdict(curve).items()}
    return f"{said['idle_w']} to {said['full_w']} W per CPU, exponent {said['exponent']}"
