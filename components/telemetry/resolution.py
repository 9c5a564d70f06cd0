"""What a histogram can tell: how far a quantile may be off, and which targets it can judge."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from components.telemetry.errors import MeterError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.jobs.target import Target

WIDEST_SHARE = 0.2
"""Of the target: a bucket around it that is wider cannot tell kept from missed."""


def bucket_around(bounds: Sequence[float], value: float) -> tuple[float, float] | None:
    """The bucket a value lies strictly within; None where it is a bound itself.

    Beyond the last bound the bucket has no end: infinity.
    """
    place = bisect_left(bounds, value)
    if place < len(bounds) and abs(bounds[place] - value) <= 1e-9 * value:
        return None
    low = bounds[place - 1] if place else 0.0
    return low, bounds[place] if place < len(bounds) else float("inf")


def check_resolution(bounds_s: Sequence[float], target: Target, where: str) -> None:
    """Refuse a histogram that cannot judge a target; a mean needs no histogram.

    Raises:
        MeterError: the buckets are too wide around the target, or there are none.
    """
    if target.statistic.quantile is None:
        return
    asked = f"asked to judge {target.statistic} ≤ {target.latency_ms:g} ms by {where}"
    if not bounds_s:
        raise MeterError(
            asked,
            "the page has no histogram, so it tells means only",
            "say joulepilot.target-statistic=mean, or serve a histogram",
        )
    around = bucket_around([1000 * bound for bound in bounds_s], target.latency_ms)
    if around is None or around[1] - around[0] <= WIDEST_SHARE * target.latency_ms:
        return
    low, high = around
    upper = (
        f"buckets {low:g} to {high:g} ms" if high != float("inf") else f"buckets up to {low:g} ms"
    )
    choices = " or ".join(f"{bound:g}" for bound in (low, high) if 0 < bound < float("inf"))
    raise MeterError(
        asked,
        f"{upper} cannot judge a {target.latency_ms:g} ms target",
        f"take the mean, a target of {choices} ms, or a server with finer buckets",
    )
