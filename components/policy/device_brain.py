"""A device classifier on the node: what each device would cost, and which is the best how surely.

Usage:
    brain = load_device_brain(folder)
    forecast = brain.forecast("energy", features)
    advice = forecast.advice(0)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from components.policy.device_facts import facts_from_json
from components.policy.device_files import FACTS, device_file_names, open_device_files
from components.policy.errors import BundleError, PolicyError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from components.policy.device_facts import DeviceFacts
    from components.policy.device_graphs import OpenDeviceGraph

    Floats = NDArray[np.float64]

STRANGE = 1.0
IN_QUESTION = 0.02  # a device less likely to be the best than this need not be measured
MAX_FILE_BYTES = 4_000_000


@dataclass(frozen=True, slots=True)
class DeviceAdvice:
    """What to do for one row.

    Attributes:
        device: the one with the least expected loss.
        p: probability that it is the best.
        is_sure: whether to use it unmeasured.
        is_strange: whether the features are unlike all that was learned from.
        to_measure: devices worth a measurement first, likeliest first; none when sure.
    """

    device: str
    p: float
    is_sure: bool
    is_strange: bool
    to_measure: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class DeviceForecast:
    """What was predicted of B rows on D devices; see `device_graph` for units.

    Attributes:
        sure_from: the probability from which a choice is sure.
        devices: D names.
        log_cost, sigma, p, loss: [B, D].
        strangeness: [B].
    """

    sure_from: float
    devices: tuple[str, ...]
    log_cost: Floats
    sigma: Floats
    p: Floats
    loss: Floats
    strangeness: Floats

    def advice(self, row: int) -> DeviceAdvice:
        """Use the best device, or measure those that could be it first."""
        p, losses = self.p[row].tolist(), self.loss[row].tolist()
        best = losses.index(min(losses))
        is_strange = bool(self.strangeness[row] > STRANGE)
        is_sure = p[best] >= self.sure_from and not is_strange
        likeliest = () if is_sure else sorted(range(len(p)), key=lambda d: -p[d])
        return DeviceAdvice(
            device=self.devices[best],
            p=p[best],
            is_sure=is_sure,
            is_strange=is_strange,
            to_measure=tuple(
                self.devices[d] for d in likeliest if is_strange or p[d] >= IN_QUESTION
            ),
        )


@dataclass(frozen=True, slots=True)
class DeviceBrain:
    """The graphs of a device classifier, ready to be asked."""

    facts: DeviceFacts
    graphs: Mapping[str, OpenDeviceGraph]

    def forecast(
        self, objective: str, features: Floats, shift: Floats | None = None
    ) -> DeviceForecast:
        """Predict the cost of every device.

        Args:
            objective: `latency`, `energy` or `throughput`.
            features: shape (B, F), in the order of `facts.features`.
            shift: shape (B, D), added to the log costs: what online tuning learned.

        Raises:
            PolicyError: an input or an output is not finite or of another shape, or the
                classifier was not trained for the objective.
        """
        shape = (len(features), len(self.facts.devices))
        if shift is None:
            shift = np.zeros(shape)
        self._check(objective, features, shift, shape)
        graph = self.graphs[objective]
        columns = graph.columns({"features": features, "shift": shift})
        if not _is_finite(columns):
            raise _unusable(f"predicted the {objective} of devices", "a number is not finite")
        parts = graph.parts(columns)
        return DeviceForecast(self.facts.sure_from[objective], self.facts.device_names, *parts)

    def unlike(self, features: Floats) -> tuple[str, ...]:
        """Say of one row, shape (F,), which features lie outside what was seen in training."""
        return tuple(
            f"{spec.name} is {value:.4g}; seen were {spec.low:.4g} to {spec.high:.4g} {spec.unit}"
            for spec, value in zip(self.facts.features, features, strict=True)
            if not spec.low <= value <= spec.high
        )

    def _check(
        self, objective: str, features: Floats, shift: Floats, shape: tuple[int, int]
    ) -> None:
        wanted = (shape[0], len(self.facts.features))
        if objective not in self.graphs:
            found = f"it was trained for {list(self.graphs)}"
        elif features.shape != wanted or shift.shape != shape:
            found = f"features have the shape {features.shape}, not {wanted}"
        elif not (_is_finite(features) and _is_finite(shift)):
            found = "an input is not finite"
        else:
            return
        raise _unusable(f"asked for the {objective} of devices", found)


def load_device_brain(folder: Path) -> DeviceBrain:
    """Read, check and open a device classifier.

    Raises:
        BundleError: a file is missing or damaged, or gives other values than its golden ones.
    """
    names = device_file_names(facts_from_json(_read(folder / FACTS)))
    facts, graphs = open_device_files({name: _read(folder / name) for name in names})
    return DeviceBrain(facts, graphs)


def _read(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size <= MAX_FILE_BYTES:
            return path.read_bytes()
        found = f"{path.name} has {size} bytes, {MAX_FILE_BYTES} are allowed"
    except OSError as error:
        found = f"{path.name} is unreadable: {error.strerror}"
    raise BundleError(
        f"asked for the device classifier {path.parent}", found, "take it again from its origin"
    )


def _unusable(asked: str, found: str) -> PolicyError:
    return PolicyError(asked, found, "keep the device in force, and measure")


def _is_finite(values: Floats) -> bool:
    """Whether all are; a third of the time that `.all()` takes for few."""
    return int(np.count_nonzero(np.isfinite(values))) == values.size
