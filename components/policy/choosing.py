"""Choosing: among rows what to probe next, among what keeps the target what to keep."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from components.policy.evidence import BOUND_SIGMAS
from components.policy.manifest import EXPECTED_IMPROVEMENT, LEARNED
from components.policy.rows import COMMIT, LOG_AHEAD, LOG_IMPROVEMENT, lay_rows
from components.policy.stepping_stone import stepping_stone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from components.jobs.candidate import Candidate
    from components.policy.brain import Brain
    from components.policy.evidence import Evidence, Verdicts
    from components.policy.rows import Rows, Situation

_POWER_NOISE = 0.5
"""sigma of the log power of a window over that of its log latency, as recorded nodes have it."""


def choose_probe(
    situation: Situation, features: NDArray[np.float32], brain: Brain, rule: str | None
) -> tuple[int, str] | None:
    """Choose what to probe next in a single search, and say why; None: nothing is worth a probe.

    Args:
        situation: of the search.
        features: shape (C, 21), `candidate_features`.
        brain: scores the rows.
        rule: which of `PROBE_RULES`; None: the bundle's own.
    """
    rows = lay_rows(situation)
    row = choose_row(rows, brain, rule)
    if row != COMMIT:
        return int(rows.candidates[0, row]), "may save"
    stone = stepping_stone(situation, features)
    return None if stone is None else (stone, "shows more of what may save")


def choose_row(rows: Rows, brain: Brain, rule: str | None) -> int:
    """Pick a row of a single search; `rule` None: as the bundle says."""
    rule = rule or brain.bundle.probe_rule
    if rule == LEARNED:
        logits = brain.logits(rows)
    else:
        column = LOG_IMPROVEMENT if rule == EXPECTED_IMPROVEMENT else LOG_AHEAD
        logits = rows.features[:, :, column].astype(np.float64)
        logits[:, COMMIT] = 0.0
    return int(np.where(rows.mask[0], logits[0], -np.inf).argmax())


def fewest_of_equals(
    candidates: Sequence[Candidate], evidence: Evidence, verdicts: Verdicts
) -> Candidate:
    """The cheapest accepted; of those whose power cannot be told apart, with fewest CPUs.

    CPUs that cost nothing still are of use to others.
    """
    power, error = evidence.power_log[0], evidence.standard_error[0]
    cheapest = int(verdicts.incumbent[0])
    doubt = BOUND_SIGMAS * _POWER_NOISE * np.hypot(error, error[cheapest])
    equal = np.flatnonzero(verdicts.accepted[0] & (power - power[cheapest] <= doubt))
    return min((candidates[i] for i in equal.tolist()), key=lambda c: c.n_cpus)
