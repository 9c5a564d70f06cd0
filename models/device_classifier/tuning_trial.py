"""Online tuning tried out: a device becomes slower, and requests go on coming.

Networks of one fold are asked for, the classifier learned from the others; what runs on the node
decides (the exported graphs and the correction). Costs are those of the table, measured anew with
noise; only the chosen device is measured.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from components.policy.correction import Correction, Key
from components.policy.device_brain import DeviceBrain
from components.policy.device_files import open_device_files
from models.device_classifier.export import export
from models.device_classifier.scores import regrets_of
from models.device_classifier.training import train

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.device_classifier.table import DeviceTable, FloatArray, IntArray

RECOVERED = 0.02  # regret
SMOOTHED = 10  # requests that a regret is averaged over, to say when it is low again
NOISE = 0.03  # of a measurement: standard deviation of its logarithm
BEFORE, AFTER = 40, 80  # requests before and after the change


@dataclass(frozen=True, slots=True)
class TuningTrial:
    """What was asked.

    Attributes:
        objective: what is optimised and measured.
        slower: times slower the device becomes.
        n_streams: of requests, for each fold.
        seed: of requests and noise.
    """

    objective: str
    slower: float = 2.0
    n_streams: int = 10
    seed: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class TuningResult:
    """Mean regret over all streams, request by request [BEFORE + AFTER].

    Attributes:
        device: that became slower: the most often best one.
        tuned, untuned: with the correction and without.
    """

    device: str
    tuned: FloatArray
    untuned: FloatArray

    @property
    def n_to_recover(self) -> int | None:
        """Requests after the change until the mean regret stays low; None: it never does."""
        kernel = np.ones(SMOOTHED) / SMOOTHED
        smooth = np.convolve(self.tuned[BEFORE:], kernel, mode="valid")
        high = np.flatnonzero(smooth >= RECOVERED)
        if len(high) == 0:
            return 0
        return None if high[-1] + 1 == len(smooth) else int(high[-1]) + 1


def try_tuning(
    table: DeviceTable,
    trial: TuningTrial,
    progress: Callable[[int, int, str], None] = lambda _done, _total, _text: None,
) -> TuningResult:
    """Try every fold with a classifier that learned from the others.

    Raises:
        DeviceTableError: too few measured rows to learn from.
    """
    one = replace(table, measured={trial.objective: table.measured[trial.objective]})
    costs = one.costs(trial.objective)
    known = np.flatnonzero(~np.isnan(costs).any(axis=1))
    slowed = int(np.bincount(np.argmin(costs[known], axis=1)).argmax())
    folds = sorted(set(one.folds.tolist()))
    tuned, untuned = [], []
    for done, fold in enumerate(folds):
        progress(done, len(folds), f"fold {fold}")
        learned = train(one.rows_of(np.flatnonzero(one.folds != fold)), seed=trial.seed)
        brain = DeviceBrain(*open_device_files(export(learned)))
        rows = known[one.folds[known] == fold]
        for stream in range(trial.n_streams if len(rows) else 0):
            rng = np.random.default_rng([trial.seed, fold, stream])
            asked = rng.choice(rows, BEFORE + AFTER)
            tuned.append(_stream(one, brain, trial, asked, slowed, rng, is_tuned=True))
            untuned.append(_stream(one, brain, trial, asked, slowed, rng, is_tuned=False))
    device = one.devices[slowed]
    return TuningResult(device, np.mean(tuned, axis=0), np.mean(untuned, axis=0))


def _stream(
    table: DeviceTable,
    brain: DeviceBrain,
    trial: TuningTrial,
    asked: IntArray,
    slowed: int,
    rng: np.random.Generator,
    *,
    is_tuned: bool,
) -> FloatArray:
    """Regret of each request of one stream."""
    costs = table.costs(trial.objective)[asked].copy()
    costs[BEFORE:, slowed] *= trial.slower
    plain = brain.forecast(trial.objective, table.features[asked]).log_cost
    correction, regrets = Correction(), np.zeros(len(asked))
    for now, row in enumerate(asked):
        keys = [Key(trial.objective, name, str(table.groups[row])) for name in table.devices]
        shift = np.array([[correction.shift(key, float(now)) for key in keys]])
        forecast = brain.forecast(trial.objective, table.features[[row]], shift)
        chosen = int(np.argmin(forecast.loss[0]))
        regrets[now] = regrets_of(costs[[now]], np.array([chosen]))[0]
        if is_tuned:
            measured = np.log(costs[now, chosen]) + NOISE * rng.normal()
            miss = float(measured - plain[now, chosen])
            correction = correction.observed(keys[chosen], miss, float(now))
    return regrets
