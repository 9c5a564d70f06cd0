"""Whether letting a device fall asleep between batches pays."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from components.policy.device_policies import Expected
    from models.device_classifier.choose_question import Question

AWAKE = 1.0


def idle_answer(question: Question, device: str) -> tuple[str, str]:
    """The answer in a few words, and why.

    Waking costs joules and milliseconds once a batch; staying awake costs watts all the time. The
    gap between two batches at which both are the same is where the answer changes.
    """
    room = question.host.room(device)
    if room is None:
        return "not known", (
            f"how deep {device} sleeps is not known here: measure it idle and warm with "
            "joulepilot device characterise"
        )
    if room.idle_share >= AWAKE:
        return "no matter", f"{device} does not sleep: its first batch is as quick as the next"
    idle = _of(question, device, room.idle_share)
    warm = _of(question, device, AWAKE)
    wake_ms, wake_j = idle.latency_ms - warm.latency_ms, idle.energy_j - warm.energy_j
    costs = f"waking costs {wake_ms:.3g} ms and {wake_j:.3g} J a batch"
    if _only_warm_meets(question, idle, warm):
        return "keep it awake", f"only then {device} meets {question.target_ms:g} ms; {costs}"
    if wake_j <= 0.0 or room.warm_w <= 0.0:
        return "let it idle", costs
    gap_s = wake_j / room.warm_w
    return f"let it idle when batches are more than {gap_s:.2g} s apart", (
        f"{costs}; keeping it awake takes {room.warm_w:.3g} W"
    )


def _only_warm_meets(question: Question, idle: Expected, warm: Expected) -> bool:
    target_ms = question.target_ms
    return target_ms is not None and warm.latency_ms <= target_ms < idle.latency_ms


def _of(question: Question, device: str, clock_share: float) -> Expected:
    outlook = question.outlook(clock_share=clock_share)
    return next(each for each in outlook.devices if each.device == device)
