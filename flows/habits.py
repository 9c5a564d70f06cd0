"""What all our tasks and flows have in common: when to try again, for how long, who is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prefect.cache_policies import NO_CACHE
from prefect.tasks import exponential_backoff

from components.errors import TemporaryError
from flows.telling.of_runs import tell_failure

if TYPE_CHECKING:
    from prefect import Task
    from prefect.client.schemas.objects import State, TaskRun

BY_FLOW = "joulepilot flows"
RETRY_S = 2
HOUR_S = 3600
DAY_S = 24 * HOUR_S
TURN_S = HOUR_S / 2
"""How long a training waits for another one, of another flow or by hand, to end."""


async def can_help(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    """Whether trying again can help: the raiser of the error decided that."""
    result = await state.aresult(raise_on_failure=False)
    return isinstance(result, TemporaryError)


RETRIES: dict[str, Any] = {
    "cache_policy": NO_CACHE,
    "retries": 3,
    "retry_delay_seconds": exponential_backoff(RETRY_S),
    "retry_jitter_factor": 0.5,
    "retry_condition_fn": can_help,
}
WATCHED: dict[str, Any] = {"on_failure": [tell_failure], "on_crashed": [tell_failure]}
ONCE: dict[str, Any] = {"cache_policy": NO_CACHE}
