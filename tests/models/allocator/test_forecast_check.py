"""Whether probabilities are what they say: the shipped policy's are no coin tosses."""

from __future__ import annotations

import numpy as np

from components.policy.default_bundle import default_bundle
from models.allocator.evaluation_set import evaluation_set
from models.allocator.forecast_check import said_of_targets


def test_what_is_said_to_keep_its_target_mostly_does_and_what_is_not_mostly_does_not() -> None:
    cases = evaluation_set(n_madeup=12)
    said, was_so = said_of_targets(default_bundle(), cases)
    n_candidates = sum(len(case.candidates) for case in cases.cases)
    assert n_candidates - 2 * len(cases.cases) <= len(said) == len(was_so) < n_candidates
    p, truth = np.asarray(said), np.asarray(was_so)
    assert ((p >= 0) & (p <= 1)).all()
    assert truth[p > 0.9].mean() > 0.8
    assert truth[p < 0.1].mean() < 0.2
    assert np.mean((p - truth) ** 2) < np.mean((truth.mean() - truth) ** 2)
