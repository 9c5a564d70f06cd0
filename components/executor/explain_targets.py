"""What a job would be given at another target, by what was measured and predicted so far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from components.executor.job_run import JobRun

TIMES = (0.5, 0.7, 1.4, 2.0)
"""Other targets, as multiples of the job's own."""


@dataclass(frozen=True, slots=True)
class Option:
    """A candidate as it is known: measured where it was tried, else predicted."""

    candidate: str
    latency_ms: float
    power_w: float
    is_measured: bool


@dataclass(frozen=True, slots=True)
class OtherTarget:
    """The cheapest option at a target; None where nothing is believed to keep it."""

    target_ms: float
    option: Option | None


def options(run: JobRun) -> tuple[Option, ...]:
    """Every candidate, measurement before belief."""
    measured = run.decision.evidence.measured
    found = []
    for prediction in run.decision.predictions():
        known = measured.get(prediction.candidate)
        found.append(
            Option(
                str(prediction.candidate),
                prediction.latency_ms if known is None else known.mean_ms,
                prediction.power_w if known is None else known.power_w,
                known is not None,
            )
        )
    return tuple(found)


def other_targets(target_ms: float, known: tuple[Option, ...]) -> tuple[OtherTarget, ...]:
    """The cheapest option at each of a few other targets."""
    if not known:
        return ()
    return tuple(
        OtherTarget(target_ms * times, _cheapest(target_ms * times, known)) for times in TIMES
    )


def tell_other_targets(others: tuple[OtherTarget, ...]) -> list[str]:
    """In words, a line a target."""
    if not others:
        return []
    return ["at another target:", *(_line(other) for other in others)]


def _cheapest(target_ms: float, known: tuple[Option, ...]) -> Option | None:
    keeping = [option for option in known if option.latency_ms <= target_ms]
    return min(keeping, key=lambda option: option.power_w, default=None)


def _line(other: OtherTarget) -> str:
    option = other.option
    if option is None:
        return f"  {other.target_ms:6.3g} ms: nothing here is believed to keep it"
    origin = "measured" if option.is_measured else "predicted"
    return (
        f"  {other.target_ms:6.3g} ms: {option.candidate}, {option.latency_ms:.3g} ms, "
        f"{option.power_w:.1f} W, {origin}"
    )
