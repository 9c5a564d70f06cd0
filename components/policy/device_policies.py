"""The four policies of device choice, over what is predicted of every device; pure.

| policy | asks for the least | of |
|---|---|---|
| `latency` | ms | one batch from the present state: wake-up and transfer in |
| `throughput` | seconds an input | sustained, warm, transfer overlapped |
| `energy` | joules | one batch from the present state, by the accounting that is declared |
| `energy-under-target` | joules, as above | of the devices that meet a latency target |
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from statistics import NormalDist
from typing import TYPE_CHECKING

from components.policy.errors import PolicyError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LATENCY, ENERGY, THROUGHPUT = "latency", "energy", "throughput"
MEETS_FROM = 0.9
"""A device counts as meeting a target from this probability on."""
IN_QUESTION = 0.02
"""A device less likely to be the one than this need not be measured."""
CONTRADICTION = 0.05
"""A device expected to cost so much less than the chosen one speaks against the choice."""


class DevicePolicy(StrEnum):
    """What a device is chosen for."""

    LATENCY = "latency"
    THROUGHPUT = "throughput"
    ENERGY = "energy"
    ENERGY_UNDER_TARGET = "energy-under-target"

    @property
    def objective(self) -> str:
        """The predicted quantity that decides."""
        return ENERGY if self is DevicePolicy.ENERGY_UNDER_TARGET else self.value


@dataclass(frozen=True, slots=True)
class Expected:
    """What is expected of one device for one batch; sigmas are of natural logarithms.

    Attributes:
        latency_ms: one batch from the present state.
        energy_j: of it; not a number where the classifier never learned it, and so
        throughput_per_s: inputs a second, sustained and warm.
        p: by objective, the calibrated probability that it is the best of all predicted.
        loss: by objective, the expected loss of choosing it.
    """

    device: str
    latency_ms: float
    latency_log_sigma: float
    energy_j: float
    energy_log_sigma: float
    throughput_per_s: float
    p: Mapping[str, float]
    loss: Mapping[str, float]

    def p_meets(self, target_ms: float) -> float:
        """Probability that one batch takes no longer than the target."""
        margin = math.log(target_ms / self.latency_ms)
        if self.latency_log_sigma == 0.0:
            return 1.0 if margin >= 0 else 0.0
        return NormalDist(0.0, self.latency_log_sigma).cdf(margin)


@dataclass(frozen=True, slots=True)
class DeviceChoice:
    """What a policy says.

    Attributes:
        device: to use.
        p: probability that it is the one, among those that count.
        is_sure: whether to use it unmeasured.
        to_measure: devices worth a batch first, likeliest first; none when sure.
        meets_target: whether some device meets the target; None without one.
        reason: in words.
        is_measured: whether measurements decided, and not the probability.
    """

    policy: DevicePolicy
    device: str
    p: float
    is_sure: bool
    to_measure: tuple[str, ...]
    meets_target: bool | None
    reason: str
    is_measured: bool = False


def choose_device(
    expected: Sequence[Expected],
    policy: DevicePolicy,
    *,
    sure_from: float,
    target_ms: float | None = None,
    is_strange: bool = False,
    measured: frozenset[str] = frozenset(),
) -> DeviceChoice:
    """Choose a device; where none meets the target, the fastest.

    Args:
        expected: of every device that may be used.
        policy: what for.
        sure_from: probability from which a choice needs no measurement.
        target_ms: of one batch; needed by `energy-under-target`, ignored by the others.
        is_strange: whether the question is unlike all that was learned from.
        measured: devices on which such a batch was measured: what is expected of them is no guess
            any more, and where all in question are measured the least expected decides.

    Raises:
        PolicyError: no device, or no target where one is needed.
    """
    if not expected:
        raise PolicyError("asked for a device", "there is none to choose from", "name some")
    if policy.objective not in expected[0].p:
        raise PolicyError(
            f"asked for the device of the policy {policy}",
            f"the classifier has not learned {policy.objective}",
            f"choose by {', '.join(expected[0].p)}, or train it on a table that has it",
        )
    question = _Question(policy, sure_from, is_strange, measured)
    if policy is not DevicePolicy.ENERGY_UNDER_TARGET:
        return _least(expected, question, None)
    if target_ms is None or not target_ms > 0:
        raise PolicyError(
            f"asked for the device of the policy {policy}",
            f"the latency target is {target_ms}",
            "give one above 0 ms",
        )
    meeting = [each for each in expected if each.p_meets(target_ms) >= MEETS_FROM]
    if not meeting:
        return _fastest(expected, question, target_ms)
    choice = _least(meeting, question, target_ms)
    doubtful = tuple(
        each.device
        for each in expected
        if each not in meeting
        and each.device not in measured
        and each.p_meets(target_ms) > 1.0 - MEETS_FROM
        and each.energy_j < _named(meeting, choice.device).energy_j
    )
    if not doubtful:
        return choice
    return replace(
        choice,
        is_sure=False,
        to_measure=tuple(dict.fromkeys((*doubtful, *choice.to_measure))),
        reason=f"{choice.reason}; {', '.join(doubtful)} would take less and may meet the target",
    )


@dataclass(frozen=True, slots=True)
class _Question:
    """What is asked, beside the devices."""

    policy: DevicePolicy
    sure_from: float
    is_strange: bool
    measured: frozenset[str]


def _least(among: Sequence[Expected], question: _Question, target_ms: float | None) -> DeviceChoice:
    objective = question.policy.objective
    shares = _shares(among, objective)
    best = min(
        among,
        key=lambda each: (each.loss[objective], -shares[each.device], _cost(each, objective)),
    )
    cheaper = [
        each.device
        for each in among
        if _cost(each, objective) < (1.0 - CONTRADICTION) * _cost(best, objective)
    ]
    is_sure = shares[best.device] >= question.sure_from and not (question.is_strange or cheaper)
    is_sure = is_sure or len(among) == 1
    likeliest = sorted(shares, key=lambda name: -shares[name])
    in_question = tuple(
        name
        for name in likeliest
        if question.is_strange or shares[name] >= IN_QUESTION or name in cheaper
    )
    is_measured = not is_sure and set(in_question) <= question.measured
    if is_measured:
        least = min(
            (each for each in among if each.device in in_question),
            key=lambda each: _cost(each, objective),
        )
        best, is_sure = least, True
    return DeviceChoice(
        question.policy,
        best.device,
        shares[best.device],
        is_sure,
        () if is_sure else in_question,
        None if target_ms is None else True,
        _reason(best, among, question.policy, target_ms),
        is_measured,
    )


def _fastest(among: Sequence[Expected], question: _Question, target_ms: float) -> DeviceChoice:
    """Nothing is sure to meet the target: the one likeliest to, or else the least bad."""
    best = max(among, key=lambda each: (round(each.p_meets(target_ms), 3), -each.latency_ms))
    p = _shares(among, LATENCY)[best.device]
    may_meet = tuple(
        each.device
        for each in among
        if each.p_meets(target_ms) > 1 - MEETS_FROM and each.device not in question.measured
    )
    is_sure = p >= question.sure_from and not may_meet and not question.is_strange
    to_measure = () if is_sure else may_meet or (best.device,)
    if set(to_measure) <= question.measured:
        is_sure, to_measure = True, ()
    return DeviceChoice(
        question.policy,
        best.device,
        p,
        is_sure,
        to_measure,
        meets_target=False,
        reason=(
            f"no device is sure to meet {target_ms:.4g} ms; {best.device} comes nearest with "
            f"{best.latency_ms:.4g} ms"
        ),
    )


def _cost(each: Expected, objective: str) -> float:
    if objective == LATENCY:
        return each.latency_ms
    return each.energy_j if objective == ENERGY else 1.0 / each.throughput_per_s


def _shares(among: Sequence[Expected], objective: str) -> dict[str, float]:
    """Probability of each to be the best of these, from that of being the best of all."""
    total = sum(each.p[objective] for each in among)
    if total <= 0.0:
        return {each.device: 1.0 / len(among) for each in among}
    return {each.device: each.p[objective] / total for each in among}


def _reason(
    best: Expected, among: Sequence[Expected], policy: DevicePolicy, target_ms: float | None
) -> str:
    rest = [each for each in among if each is not best]
    met = "" if target_ms is None else f" of those that meet {target_ms:.4g} ms"
    mine = _said(best, policy.objective)
    if not rest:
        return f"{best.device} is the only one{met}: {mine}"
    others = ", ".join(f"{each.device} {_said(each, policy.objective)}" for each in rest)
    return f"{best.device} is the best choice{met}: {mine} against {others}"


def _said(each: Expected, objective: str) -> str:
    if objective == LATENCY:
        return f"{each.latency_ms:.4g} ms"
    if objective == ENERGY:
        return f"{each.energy_j:.4g} J"
    return f"{each.throughput_per_s:.4g} inputs/s"


def _named(among: Sequence[Expected], device: str) -> Expected:
    return next(each for each in among if each.device == device)
