"""The rows that the probe policy chooses from, and what describes them.

Shapes: B searches, C candidates, R = 17 rows, K = 24 row features.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from components.policy import normal
from components.policy.belief import improvement
from components.policy.feature_spec import FeatureSpec
from components.policy.lookahead import LEAST_VALUE, value_ahead

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from components.policy.belief import Belief
    from components.policy.evidence import Evidence, Verdicts
    from components.policy.search_settings import SearchSettings

P_LEVELS = (0.1, 0.2, 0.35, 0.5, 0.6, 0.7, 0.8, 0.9, 0.96, 0.99)
N_BEST = 6
N_ROWS = len(P_LEVELS) + N_BEST + 1
COMMIT = N_ROWS - 1
"""The last row: probe no more."""
MAX_WINDOWS = 4.0
"""Windows after which an undecided candidate is let go."""
LEAST_IMPROVEMENT = 1e-3
"""Expected improvement, in log power, at which probing is worth as much as committing."""
AHEAD_WEIGHT = 20.0
"""Weight of `log_ahead` in the logits: an untrained policy looks ahead as `value_ahead` does."""
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
    FeatureSpec("log_ahead", "ln(1)", -_LOG_EI_LIMIT, _LOG_EI_LIMIT),
    FeatureSpec("log_ahead_below_best", "ln(1)", -_LOG_EI_LIMIT, 0.0),
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
    FeatureSpec("best_log_ahead", "ln(1)", -_LOG_EI_LIMIT, _LOG_EI_LIMIT),
    FeatureSpec("log_node_cpus", "ln(1)", 0.0, 8.4),
    FeatureSpec("is_commit", "1", 0.0, 1.0),
)
"""In the order of the columns of `Rows.features`."""
LOG_IMPROVEMENT = 8
"""Column of `log_improvement`."""
LOG_AHEAD = 9
"""Column of `log_ahead`: what a probe and those after it are worth, over what a probe costs."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What B searches have spent, each of shape (B,)."""

    probes: NDArray[np.float64]
    unsafe: NDArray[np.float64]
    misses_left: NDArray[np.float64]
    """With how many more unsafe probes a search ends."""
    probes_left: NDArray[np.float64]


def spent_by_one(settings: SearchSettings, n_probes: int, n_unsafe: int) -> Spent:
    """What a single search has spent, and what its settings leave it."""
    left = settings.max_unsafe_probes - n_unsafe, settings.max_probes - n_probes
    return Spent(*(np.asarray([float(n)]) for n in (n_probes, n_unsafe, *left)))


@dataclass(frozen=True, slots=True)
class Rows:
    """What the probe policy chooses from."""

    candidates: NDArray[np.intp]
    """Shape (B, R - 1): candidate of each row but the last."""
    features: NDArray[np.float32]
    """Shape (B, R, K)."""
    mask: NDArray[np.bool_]
    """Shape (B, R): rows that may be chosen; commit always may."""


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
    def undecided(self) -> NDArray[np.bool_]:
        """Shape (B, C): neither accepted nor refused, and not read too often."""
        decided = self.verdicts.accepted | self.verdicts.refused
        return ~decided & (self.evidence.n_windows < MAX_WINDOWS)

    @property
    def open(self) -> NDArray[np.bool_]:
        """Shape (B, C): what a probe could still change the mind about."""
        return self.eligible & self.undecided


def lay_rows(situation: Situation) -> Rows:
    """Pick the candidates worth a thought and describe them.

    Rows 0 to 9: the cheapest candidate that keeps the target with at least the probability of
    its level; rows 10 to 15: the best by expected improvement; the last: commit. A candidate
    shows up once.
    """
    saving = improvement(situation.belief, situation.incumbent_power_log)
    saving = np.where(situation.open, saving, 0.0)
    candidates, mask = _choose(situation.belief, saving)
    features = _describe(situation, candidates, saving, _look_ahead(situation, candidates))
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


def _look_ahead(situation: Situation, candidates: NDArray[np.intp]) -> NDArray[np.float64]:
    """Shape (B, R - 1): what each row and the probes after it are worth, in log power."""
    belief = situation.belief
    gain = situation.incumbent_power_log[:, np.newaxis] - belief.forecast.power_log
    hoped = normal.mean_above_zero(gain, belief.forecast.power_sigma)
    return value_ahead(
        np.where(situation.undecided & (gain > 0.0), hoped, 0.0),
        belief.p_feasible,
        belief.p_accepted,
        situation.spent.misses_left,
        situation.spent.probes_left,
        candidates,
    )


def _describe(
    situation: Situation,
    candidates: NDArray[np.intp],
    saving: NDArray[np.float64],
    ahead: NDArray[np.float64],
) -> NDArray[np.float32]:
    log_saving = _log_ratio(saving, LEAST_IMPROVEMENT)
    log_ahead = _log_ratio(ahead, LEAST_VALUE)
    own = _own_columns(situation, candidates, saving, log_saving, log_ahead)
    shared = _shared_columns(situation, log_saving, log_ahead)
    features = np.zeros((len(candidates), N_ROWS, len(ROW_FEATURES)))
    features[:, :COMMIT, : own.shape[2]] = own
    features[:, :, own.shape[2] : -1] = shared[:, np.newaxis]
    features[:, COMMIT, -1] = 1.0
    low = np.asarray([spec.low for spec in ROW_FEATURES])
    high = np.asarray([spec.high for spec in ROW_FEATURES])
    return np.clip(features, low, high).astype(np.float32)


def _log_ratio(value: NDArray[np.float64], least: float) -> NDArray[np.float64]:
    return np.clip(np.log(np.maximum(value, 1e-12) / least), -_LOG_EI_LIMIT, _LOG_EI_LIMIT)


def _own_columns(
    situation: Situation,
    candidates: NDArray[np.intp],
    saving: NDArray[np.float64],
    log_saving: NDArray[np.float64],
    log_ahead: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Columns that differ from row to row; shape (B, R - 1, 15)."""
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
        log_ahead,
        log_ahead - log_ahead.max(axis=1, keepdims=True),
        of(evidence.n_windows),
        log_n[at, incumbent][:, np.newaxis] - of(log_n),
        _to_nearest_probe(log_n, evidence.measured, of(log_n)),
        of(situation.n_cpus) / _most_cpus(situation)[:, np.newaxis],
    )
    return np.stack(columns, axis=2)


def _shared_columns(
    situation: Situation, log_saving: NDArray[np.float64], log_ahead: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Columns that are the same in every row of a search; shape (B, 8)."""
    at, incumbent = np.arange(len(log_saving)), situation.verdicts.incumbent
    most = _most_cpus(situation)
    columns = (
        situation.belief.slack[at, incumbent],
        situation.n_cpus[at, incumbent] / most,
        100.0 * situation.evidence.sigma,
        situation.spent.probes / 12.0,
        situation.spent.unsafe / 2.0,
        log_saving.max(axis=1),
        log_ahead.max(axis=1),
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
