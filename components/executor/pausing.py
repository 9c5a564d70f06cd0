"""Whether this node is to change nothing for now: by an operator's word, or by the calendar."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from components.executor.loop import Executor


def is_paused_here(executor: Executor) -> bool:
    """Whether an operator paused the node, or a maintenance window holds."""
    state, now_s = executor.store.state, executor.ports.clock.now_s()
    is_over = state.paused_until_s is not None and now_s >= state.paused_until_s
    if state.paused and not is_over:
        return True
    now = datetime.fromtimestamp(now_s, tz=UTC)
    return any(quiet.holds(now) for quiet in executor.settings.quiet_times)
