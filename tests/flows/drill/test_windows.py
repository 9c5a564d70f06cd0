"""Counting what a canary did to the target."""

from __future__ import annotations

import pandas as pd

from flows.drill.windows import missed_by, span_s

START = pd.Timestamp("2026-11-21T03:00:00Z")


def rows(latencies, *, node="night", digest="a"):
    return pd.DataFrame(
        {
            "node": node,
            "policy_digest": digest,
            "window_start": [START + pd.Timedelta(seconds=4 * n) for n in range(len(latencies))],
            "window_s": 4.0,
            "latency_mean_ms": latencies,
            "target_ms": 7.0,
        }
    )


def test_windows_above_the_target_are_counted_and_the_longest_run_of_them():
    missed = missed_by(rows([6.0, 7.1, 7.2, 6.9, 8.0]), "night", "a")
    assert (missed.n_windows, missed.n_missed, missed.longest) == (5, 3, 2)


def test_other_nodes_and_policies_are_left_out():
    frame = pd.concat([rows([6.0]), rows([9.0], node="day"), rows([9.0], digest="b")])
    assert missed_by(frame, "night", "a").n_missed == 0


def test_a_span_reaches_to_the_end_of_the_last_window():
    assert span_s(rows([6.0, 6.0, 6.0]), "night", "a") == 12.0
