"""The device classifier as a predictor: candidates with a device to latency and power.

predictor = DevicePredictor(load_device_brain(folder))
predictor.expected(DeviceWork(features, batch=64, clock_share=0.2))
predictor.predict(work, rate_per_s=10.0, idle_w=32.0, candidates=candidates)
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from components.jobs.candidate import CPU_DEVICE, Prediction
from components.node.placement import Layout
from components.policy.device_policies import ENERGY, LATENCY, THROUGHPUT, Expected
from components.policy.errors import PolicyError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from components.jobs.candidate import Candidate
    from components.policy.device_brain import DeviceBrain, DeviceForecast

BATCH, CLOCK, N_CPUS, IDLE_S = "batch", "clock_share", "n_cpus", "idle_s"
IS_SPREAD, IS_SMT = "is_spread", "is_smt"
"""Features that are not of the network."""
_WIDTH = re.compile(r"(?:cpu@|ort-)([1-9][0-9]*)t?")
"""Names of the CPU on a number of threads, by what serves it: ONNX Runtime."""


@dataclass(frozen=True, slots=True)
class DeviceWork:
    """One batch of one network in one state of the hardware.

    Attributes:
        features: of the network, by name.
        batch: inputs.
        clock_share: of the discrete GPU over its maximum, in (0, 1].
        n_cpus: that the job has; None: not said.
        idle_s: since devices were last used; None: not known.
        layout: of its CPUs.
    """

    features: Mapping[str, float]
    batch: int
    clock_share: float
    n_cpus: int | None = None
    idle_s: float | None = None
    layout: Layout = Layout.COMPACT

    def __post_init__(self) -> None:
        if self.batch < 1 or not 0.0 < self.clock_share <= 1.0:
            raise PolicyError(
                f"asked for a batch of {self.batch} at a clock share of {self.clock_share}",
                "a batch has an input, and a clock share is above 0 and at most 1",
                "give such numbers",
            )


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is expected of every device, and what is strange about the question."""

    devices: tuple[Expected, ...]
    strange: tuple[str, ...]
    """Features that lie outside of what was learned from, in words."""
    is_strange: bool
    """Whether the question as a whole is unlike all that was learned from."""


class DevicePredictor:
    """Asks the graphs of a device classifier."""

    def __init__(self, brain: DeviceBrain) -> None:
        self.brain = brain

    @property
    def devices(self) -> tuple[str, ...]:
        """Names of what was learned, in the order of the graphs."""
        return self.brain.facts.device_names

    def sure_from(self, objective: str) -> float:
        """The probability from which a choice is sure; never, of what was not learned."""
        return self.brain.facts.sure_from.get(objective, 1.0)

    def expected(self, work: DeviceWork, shift: Mapping[str, float] | None = None) -> Outlook:
        """Predict one batch on every device.

        Args:
            work: the batch and its state.
            shift: by device, what online tuning adds to log costs.

        Raises:
            PolicyError: a feature is missing, or a number is not finite.
        """
        return self.expected_all([work], shift)[0]

    def expected_all(
        self, works: Sequence[DeviceWork], shift: Mapping[str, float] | None = None
    ) -> tuple[Outlook, ...]:
        """Predict several batches at once."""
        rows = np.array([self._row(work) for work in works], dtype=np.float64)
        return self.expected_rows(rows, shift)

    def expected_rows(
        self, rows: NDArray[np.float64], shift: Mapping[str, float] | None = None
    ) -> tuple[Outlook, ...]:
        """Predict rows of features, shape (B, F), in the order of the classifier.

        Raises:
            PolicyError: a number is not finite.
        """
        moved = np.array([(shift or {}).get(name, 0.0) for name in self.devices])
        shifts = np.tile(moved, (len(rows), 1))
        objectives = self.brain.facts.objectives
        if LATENCY not in objectives:
            raise PolicyError(
                "asked for the choice of a device",
                "the classifier has not learned what latency is",
                "train it on a table with latencies",
            )
        asked = {each: self.brain.forecast(each, rows, shifts) for each in objectives}
        return tuple(
            Outlook(
                self._devices(asked, i),
                self.brain.unlike(rows[i]),
                any(bool(forecast.strangeness[i] > 1.0) for forecast in asked.values()),
            )
            for i in range(len(rows))
        )

    def predict(
        self,
        work: DeviceWork,
        *,
        rate_per_s: float,
        idle_w: float,
        candidates: Sequence[Candidate],
        shift: Mapping[str, float] | None = None,
    ) -> tuple[Prediction, ...]:
        """Predict latency of one batch, and node power at a rate of batches, of each candidate.

        Raises:
            PolicyError: a candidate names a device that was not learned.
        """
        by_name = {each.device: each for each in self.expected(work, shift).devices}
        predictions = []
        for candidate in candidates:
            each = by_name[self.column(candidate.device, candidate.n_cpus)]
            above_w = each.energy_j * rate_per_s
            predictions.append(
                Prediction(
                    candidate,
                    each.latency_ms,
                    each.latency_log_sigma,
                    idle_w + above_w,
                    each.energy_log_sigma * above_w / (idle_w + above_w),
                )
            )
        return tuple(predictions)

    def column(self, device: str, n_cpus: int) -> str:
        """The learned device that stands for a job's: `cpu` on 3 CPUs is the nearest in width.

        Widths are named `cpu@2` on made-up hosts, `ort-2t` in recorded tables.

        Raises:
            PolicyError: nothing learned stands for it.
        """
        if device == CPU_DEVICE:
            widths = {name: int(m[1]) for name in self.devices if (m := _WIDTH.fullmatch(name))}
            if widths:
                return min(widths, key=lambda name: abs(math.log(widths[name] / n_cpus)))
        for name in (device, device.partition(":")[0]):
            if name in self.devices:
                return name
        raise PolicyError(
            f"asked for the device {device!r}",
            f"learned were {', '.join(self.devices)}",
            "let the classifier learn from a table with that device",
        )

    def _row(self, work: DeviceWork) -> NDArray[np.float64]:
        values = {**work.features, BATCH: float(work.batch), CLOCK: work.clock_share}
        values |= {IS_SPREAD: work.layout is Layout.SPREAD, IS_SMT: work.layout is Layout.SMT}
        values |= {
            name: float(value)
            for name, value in ((N_CPUS, work.n_cpus), (IDLE_S, work.idle_s))
            if value is not None
        }
        names = self.brain.facts.feature_names
        missing = [name for name in names if name not in values]
        if missing:
            raise PolicyError(
                "asked for the choice of a device",
                f"of the network nothing says {', '.join(missing)}",
                "give the features of its graph: joulepilot device choose MODEL.onnx shows them",
            )
        return np.array([float(values[name]) for name in names])

    def _devices(self, asked: Mapping[str, DeviceForecast], row: int) -> tuple[Expected, ...]:
        latency = asked[LATENCY]
        return tuple(
            Expected(
                device=name,
                latency_ms=math.exp(latency.log_cost[row, d]),
                latency_log_sigma=float(latency.sigma[row, d]),
                energy_j=_cost(asked.get(ENERGY), row, d),
                energy_log_sigma=float(asked[ENERGY].sigma[row, d]) if ENERGY in asked else 0.0,
                throughput_per_s=1.0 / _cost(asked.get(THROUGHPUT), row, d),
                p={each: float(asked[each].p[row, d]) for each in asked},
                loss={each: float(asked[each].loss[row, d]) for each in asked},
            )
            for d, name in enumerate(self.devices)
        )


def _cost(forecast: DeviceForecast | None, row: int, device: int) -> float:
    """What is predicted; not a number where it was never learned."""
    return math.nan if forecast is None else math.exp(forecast.log_cost[row, device])
