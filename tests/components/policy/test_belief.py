from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from components.policy.belief import Forecast, believe
from components.policy.evidence import Readings, add_readings, judge, no_evidence
from components.policy.rows import (
    COMMIT,
    N_ROWS,
    P_LEVELS,
    ROW_FEATURES,
    Situation,
    Spent,
    lay_rows,
)


def situation(seed, n_searches, n_candidates):
    """Searches of which the first candidate was read and accepted; the rest is drawn."""
    rng = np.random.default_rng(seed)
    at = np.arange(n_searches)
    zeros = np.zeros(n_searches)
    evidence = add_readings(
        no_evidence(np.full(n_searches, 0.01), n_candidates),
        Readings(at, np.zeros_like(at), zeros - 0.5, zeros, zeros + 1.0, zeros > 0.0),
    )
    shape = (n_searches, n_candidates)
    forecast = Forecast(
        rng.normal(0.0, 0.3, shape),
        rng.uniform(0.01, 0.5, shape),
        rng.normal(-0.2, 0.3, shape),
        rng.uniform(0.01, 0.2, shape),
    )
    belief = believe(forecast, evidence, zeros)
    return Situation(
        belief=belief,
        evidence=evidence,
        verdicts=judge(evidence, zeros),
        spent=Spent(zeros + 1.0, zeros, zeros + 2.0, zeros + 11.0),
        n_cpus=rng.integers(1, 128, shape).astype(np.float64),
        eligible=belief.p_feasible >= 0.5,
    )


@given(st.integers(0, 1000), st.integers(1, 5), st.integers(1, 40))
def test_rows_hold_each_open_candidate_once_and_always_commit(seed, n_searches, n_candidates):
    asked = situation(seed, n_searches, n_candidates)
    rows = lay_rows(asked)
    assert rows.features.shape == (n_searches, N_ROWS, len(ROW_FEATURES))
    assert rows.mask[:, COMMIT].all()
    assert np.isfinite(rows.features).all()
    for search in range(n_searches):
        chosen = rows.candidates[search][rows.mask[search, :COMMIT]]
        assert len(set(chosen.tolist())) == len(chosen)
        assert asked.open[search, chosen].all()
        assert 0 not in chosen, "what is accepted needs no probe"


@given(st.integers(0, 1000))
def test_a_batch_gives_what_each_search_gives_alone(seed):
    asked = situation(seed, 3, 20)
    rows = lay_rows(asked)
    for search in range(3):
        pick = slice(search, search + 1)
        evidence = asked.evidence
        alone = Situation(
            belief=type(asked.belief)(
                Forecast(
                    *(
                        getattr(asked.belief.forecast, name)[pick]
                        for name in ("latency_log", "latency_sigma", "power_log", "power_sigma")
                    )
                ),
                asked.belief.p_feasible[pick],
                asked.belief.p_accepted[pick],
                asked.belief.slack[pick],
            ),
            evidence=type(evidence)(
                *(getattr(evidence, name)[pick] for name in type(evidence).__slots__)
            ),
            verdicts=type(asked.verdicts)(
                *(getattr(asked.verdicts, name)[pick] for name in type(asked.verdicts).__slots__)
            ),
            spent=Spent(
                asked.spent.probes[pick],
                asked.spent.unsafe[pick],
                asked.spent.misses_left[pick],
                asked.spent.probes_left[pick],
            ),
            n_cpus=asked.n_cpus[pick],
            eligible=asked.eligible[pick],
        )
        np.testing.assert_allclose(lay_rows(alone).features, rows.features[pick], rtol=1e-6)
        np.testing.assert_array_equal(lay_rows(alone).mask, rows.mask[pick])


@given(st.integers(0, 1000))
def test_the_first_rows_keep_the_target_at_least_as_likely_as_their_level(seed):
    asked = situation(seed, 4, 30)
    rows = lay_rows(asked)
    p_feasible = np.take_along_axis(asked.belief.p_feasible, rows.candidates, axis=1)
    levels = np.asarray(P_LEVELS)
    fine = p_feasible[:, : len(levels)] >= levels
    assert (fine | ~rows.mask[:, : len(levels)]).all()
