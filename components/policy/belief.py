"""What is believed of every candidate, and the rows the probe policy chooses from.

Shapes: B searches, C candidates, R = 15 rows, K = 21 row features. One code path for the node
(B = 1) and for training (B in the hundreds).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from components.policy import normal
from components.policy.evidence import BOUND_SIGMAS
from components.policy.feature_spec import FeatureSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from components.policy.evidence import Evidence, Verdicts

P_LEVELS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.995)
N_BEST = 6
N_ROWS = len(P_LEVELS) + N_BEST + 1
COMMIT = N_ROWS - 1
"""The last row: probe no more."""
LEAST_IMPROVEMENT = 1e-3
"""Expected improvement, in log power, at which probing is worth as much as committing."""
CAUTION = 1.5
"""Power of P(feasible) in what a probe is worth: one seen above the target is one of few."""
EI_WEIGHT = 3.0
"""Weight of ln(EI / LEAST_IMPROVEMENT) in the logits: an untrained policy is EI."""
MAX_WINDOWS = 4.0
"""Windows after which an undecided candidate is let go."""
_LOG_EI_LIMIT = 8.0

ROW_FEATURES: tuple[FeatureSpec, ...] = (
    FeatureSpec("slack", "ln(ms)", -2.0, 2.0),
    FeatureSpec("latency_sigma", "ln(ms)", 0.0, 1.0),
    FeatureSpec("slack_in_sigmas", "1", -6.0, 6.0),
    FeatureSpec("p_feasible", "1", 0.0, 1.0),
    FeatureSpec("p_accepted", "1", 0.0, 1.0),
    FeatureSpec("gain", "ln(W)", -2.0, 2.0),
    FeatureSpec("power_sigma", "ln(W)", 0.0, 1.0),
    FeatureSpec("improvement", "10 ln(W)", 0.0, 20.0),
    FeatureSpec("log_improvement", "ln(1)", -_LOG_EI_LIMIT, _LOG_EI_LIMIT),
    FeatureSpec("windows_spent", "1", 0.0, MAX_WINDOWS),
    FeatureSpec("log_cpus_below_incumbent", "ln(1)", -8.4, 8.4),
    FeatureSpec("log_cpus_to_nearest_probe", "ln(1)", 0.0, 8.4),
    FeatureSpec("share_of_cpus", "1", 0.0, 1.0),
    FeatureSpec("incumbent_slack", "ln(ms)", 0.0, 6.0),
    FeatureSpec("incumbent_share_of_cpus", "1", 0.0, 1.0),
    FeatureSpec("window_sigma", "100 ln(ms)", 0.0, 20.0),
    FeatureSpec("probes_spent", "1/12", 0.0, 2.0),
    FeatureSpec("unsafe_spent", "1/2", 0.0, 2.0),
    FeatureSpec("best_log_improvement", "ln(1)", -_LOG_EI_LIMIT, _LOG_EI_LIMIT),
    FeatureSpec("log_node_cpus", "ln(1)", 0.0, 8.4),
    FeatureSpec("is_commit", "1", 0.0, 1.0),
)
"""In the order of the columns of `Rows.features`."""
LOG_IMPROVEMENT = 8
"""Column of `log_improvement`."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """Means and sigma of log latency [ln ms] and log power [ln W], each of shape (B, C)."""

    latency_log: NDArray[np.float64]
    latency_sigma: NDArray[np.float64]
    power_log: NDArray[np.float64]
    power_sigma: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Belief:
    """Forecast where nothing was measured, measurement where something was."""

    forecast: Forecast
    p_feasible: NDArray[np.float64]
    """Shape (B, C): probability that the true latency keeps the target."""
    p_accepted: NDArray[np.float64]
    """Shape (B, C): probability that one more window makes the candidate accepted."""
    slack: NDArray[np.float64]
    """Shape (B, C): log target less believed log latency."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What B searches have spent, each of shape (B,)."""

    probes: NDArray[np.float64]
    unsafe: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Rows:
    """What the probe policy chooses from."""

    candidates: NDArray[np.intp]
    """Shape (B, R - 1): candidate of each row but the last."""
    features: NDArray[np.float32]
    """Shape (B, R, K)."""
    mask: NDArray[np.bool_]
    """Shape (B, R): rows that may be chosen; commit always may."""


def believe(forecast: Forecast, evidence: Evidence, target_log: NDArray[np.float64]) -> Belief:
    """Join forecast and measurements; what was measured stands for itself.

    Args:
        forecast: of every candidate.
        evidence: what was measured.
        target_log: shape (B,), natural logarithm of the target in ms.
    """
    measured = evidence.measured
    window = evidence.sigma[:, np.newaxis]
    error = np.where(measured, evidence.standard_error, 0.0)
    joined = Forecast(
        np.where(measured, evidence.latency_log, forecast.latency_log),
        np.where(measured, error, forecast.latency_sigma),
        np.where(measured, evidence.power_log, forecast.power_log),
        np.where(measured, error, forecast.power_sigma),
    )
    slack = target_log[:, np.newaxis] - joined.latency_log
    after = evidence.n_windows + 1.0
    spread = np.hypot(joined.latency_sigma, window) / np.where(measured, after, 1.0)
    bound = BOUND_SIGMAS * window / np.sqrt(after)
    return Belief(
        forecast=joined,
        p_feasible=normal.cdf(slack / joined.latency_sigma),
        p_accepted=normal.cdf((slack - bound) / spread),
        slack=slack,
    )


def improvement(belief: Belief, reference_power_log: NDArray[np.float64]) -> NDArray[np.float64]:
    """Expected saving of one more window per candidate, in log power; shape (B, C).

    The less likely a candidate keeps its target, the less it counts: `CAUTION`.
    """
    gain = reference_power_log[:, np.newaxis] - belief.forecast.power_log
    saving = belief.p_accepted * normal.mean_above_zero(gain, belief.forecast.power_sigma)
    return np.asarray(saving * belief.p_feasible**CAUTION)


@dataclass(frozen=True, slots=True)
class Situation:
    """All that the choice of the next probe may depend on. Every search has an incumbent."""

    belief: Belief
    evidence: Evidence
    verdicts: Verdicts
    spent: Spent
    n_cpus: NDArray[np.float64]
    """Shape (B, C): CPUs of every candidate."""
    eligible: NDArray[np.bool_]
    """Shape (B, C): what may be probed at all."""

    @property
    def incumbent_power_log(self) -> NDArray[np.float64]:
        """Shape (B,): measured log power of the incumbent."""
        return np.asarray(
            self.evidence.power_log[np.arange(len(self.n_cpus)), self.verdicts.incumbent]
        )

    @property
    def open(self) -> NDArray[np.bool_]:
        """Shape (B, C): what a probe could still change the mind about."""
        decided = self.verdicts.accepted | self.verdicts.refused
        return self.eligible & ~decided & (self.evidence.n_windows < MAX_WINDOWS)


def lay_rows(situation: Situation) -> Rows:
    """Pick the candidates worth a thought and describe them.

    Rows 0 to 7: the cheapest candidate that keeps the target with at least the probability of
    its level; rows 8 to 13: the best by expected improvement; the last: commit. A candidate
    shows up once.
    """
    saving = improvement(situation.belief, situation.incumbent_power_log)
    saving = np.where(situation.open, saving, 0.0)
    candidates, mask = _choose(situation.belief, saving)
    features = _describe(situation, candidates, saving)
    always = np.ones((len(mask), 1), dtype=np.bool_)
    return Rows(candidates, features, np.concatenate([mask, always], axis=1))


def _choose(
    belief: Belief, saving: NDArray[np.float64]
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    picks, valid = [], []
    for level in P_LEVELS:
        fits = (saving > 0.0) & (belief.p_feasible >= level)
        picks.append(np.where(fits, belief.forecast.power_log, np.inf).argmin(axis=1))
        valid.append(fits.any(axis=1))
    n_best = min(N_BEST, saving.shape[1])
    best = np.argsort(-saving, axis=1, kind="stable")[:, :n_best]
    best = np.pad(best, ((0, 0), (0, N_BEST - n_best)), mode="edge")
    candidates = np.concatenate([np.stack(picks, axis=1), best], axis=1)
    best_valid = np.take_along_axis(saving, best, axis=1) > 0.0
    mask = np.concatenate([np.stack(valid, axis=1), best_valid], axis=1)
    same = (candidates[:, :, np.newaxis] == candidates[:, np.newaxis, :]) & mask[:, np.newaxis, :]
    return candidates, mask & ~np.tril(same, k=-1).any(axis=2)


def _describe(
    situation: Situation, candidates: NDArray[np.intp], saving: NDArray[np.float64]
) -> NDArray[np.float32]:
    log_saving = np.log(np.maximum(saving, 1e-12) / LEAST_IMPROVEMENT)
    log_saving = np.clip(log_saving, -_LOG_EI_LIMIT, _LOG_EI_LIMIT)
    own = _own_columns(situation, candidates, saving, log_saving)
    shared = _shared_columns(situation, log_saving)
    features = np.zeros((len(candidates), N_ROWS, len(ROW_FEATURES)))
    features[:, :COMMIT, : own.shape[2]] = own
    features[:, :, own.shape[2] : -1] = shared[:, np.newaxis]
    features[:, COMMIT, -1] = 1.0
    low = np.asarray([spec.low for spec in ROW_FEATURES])
    high = np.asarray([spec.high for spec in ROW_FEATURES])
    return np.clip(features, low, high).astype(np.float32)


def _own_columns(
    situation: Situation,
    candidates: NDArray[np.intp],
    saving: NDArray[np.float64],
    log_saving: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Columns that differ from row to row; shape (B, R - 1, 13)."""
    belief, evidence = situation.belief, situation.evidence

    def of(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.take_along_axis(values, candidates, axis=1)

    log_n = np.log(situation.n_cpus)
    at, incumbent = np.arange(len(candidates)), situation.verdicts.incumbent
    columns = (
        of(belief.slack),
        of(belief.forecast.latency_sigma),
        of(belief.slack / belief.forecast.latency_sigma),
        of(belief.p_feasible),
        of(belief.p_accepted),
        situation.incumbent_power_log[:, np.newaxis] - of(belief.forecast.power_log),
        of(belief.forecast.power_sigma),
        10.0 * of(saving),
        of(log_saving),
        of(evidence.n_windows),
        log_n[at, incumbent][:, np.newaxis] - of(log_n),
        _to_nearest_probe(log_n, evidence.measured, of(log_n)),
        of(situation.n_cpus) / _most_cpus(situation)[:, np.newaxis],
    )
    return np.stack(columns, axis=2)


def _shared_columns(situation: Situation, log_saving: NDArray[np.float64]) -> NDArray[np.float64]:
    """Columns that are the same in every row of a search; shape (B, 7)."""
    at, incumbent = np.arange(len(log_saving)), situation.verdicts.incumbent
    most = _most_cpus(situation)
    columns = (
        situation.belief.slack[at, incumbent],
        situation.n_cpus[at, incumbent] / most,
        100.0 * situation.evidence.sigma,
        situation.spent.probes / 12.0,
        situation.spent.unsafe / 2.0,
        log_saving.max(axis=1),
        np.log(most),
    )
    return np.stack(columns, axis=1)


def _most_cpus(situation: Situation) -> NDArray[np.float64]:
    return np.asarray(np.max(np.where(situation.eligible, situation.n_cpus, 1.0), axis=1))


def _to_nearest_probe(
    log_n: NDArray[np.float64], measured: NDArray[np.bool_], of: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Distance of each row's log CPUs to the nearest measured candidate; shape (B, R - 1)."""
    known = np.where(measured, log_n, np.inf)
    return np.asarray(np.abs(of[:, :, np.newaxis] - known[:, np.newaxis, :]).min(axis=2))
