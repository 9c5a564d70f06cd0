"""What a canary did to the target: windows counted, on the drill's node and on one beside it."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from components.executor.guard_trial.field import unguarded
from components.executor.guard_trial.trial import Trial, run_trial
from components.executor.search_session import SearchSession
from components.executor.settings import ExecutorSettings
from components.madeup.reference_node import reference_surface
from components.planning.guard import guard

if TYPE_CHECKING:
    import pandas as pd

    from components.executor.guard_trial.judge import Judge
    from components.policy.brain import Brain


@dataclass(frozen=True, slots=True)
class Missed:
    """Windows of one policy, by what the node measured."""

    n_windows: int
    n_missed: int
    longest: int
    """Most that were missed in a row."""

    @property
    def words(self) -> str:
        """For people."""
        return f"{self.n_missed} of {self.n_windows} windows missed, {self.longest} in a row"


def missed_by(frame: pd.DataFrame, node: str, digest: str) -> Missed:
    """Count the windows in which a policy decided on a node."""
    rows = frame[(frame["node"] == node) & (frame["policy_digest"] == digest)]
    rows = rows.sort_values("window_start")
    late = (rows["latency_mean_ms"] > rows["target_ms"]).tolist()
    longest = run = 0
    for is_late in late:
        run = run + 1 if is_late else 0
        longest = max(longest, run)
    return Missed(len(late), sum(late), longest)


def span_s(frame: pd.DataFrame, node: str, digest: str) -> float:
    """From the begin of a policy's first window on a node to the end of its last, in its time."""
    rows = frame[(frame["node"] == node) & (frame["policy_digest"] == digest)]
    last = rows.sort_values("window_start").iloc[-1]
    seconds = (last["window_start"] - rows["window_start"].min()).total_seconds()
    return float(seconds + last["window_s"])


def alone(brain: Brain, *, is_guarded: bool, n_windows: int, seed: int) -> Judge:
    """Let a policy decide everything on a node like the drill's under changing loads."""
    settings = ExecutorSettings(tick_s=2.0, settle_s=2.0, holdback_share=0.0)
    rule = guard if is_guarded else unguarded
    trial = Trial(reference_surface(), SearchSession, rule, n_windows, seed)
    with tempfile.TemporaryDirectory() as folder:
        return run_trial(trial, brain, settings, Path(folder)).judge
