"""The best batch size under a latency target, and a batch cut into pieces that meet it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.policy.device_policies import MEETS_FROM

if TYPE_CHECKING:
    from components.policy.device_policies import Expected
    from models.device_classifier.choose_question import Question

LARGEST = 1 << 18


@dataclass(frozen=True, slots=True)
class BestBatch:
    """A batch size on a device.

    Attributes:
        inputs_per_s: one batch after the other, warm.
        joules_per_input: of such a batch.
    """

    device: str
    batch: int
    latency_ms: float
    inputs_per_s: float
    joules_per_input: float


@dataclass(frozen=True, slots=True)
class Pieces:
    """A batch cut into micro-batches that run one after the other on one device.

    Attributes:
        size: of a piece; `count` of them.
        first_ms: until the first piece is done, from the present state.
        total_ms: until the last is.
        whole_ms: the same batch in one.
    """

    device: str
    size: int
    count: int
    first_ms: float
    total_ms: float
    whole_ms: float


def best_batch(question: Question) -> BestBatch | None:
    """The size that does most per second, or takes least joules an input, within the target.

    Sizes are powers of two as far as they were learned and fit into memory. None: not even one
    input meets the target on any device.
    """
    sizes = _sizes(question)
    outlooks = question.outlooks(sizes, clock_share=1.0)
    found = [
        BestBatch(
            each.device,
            size,
            each.latency_ms,
            1000.0 * size / each.latency_ms,
            each.energy_j / size,
        )
        for size, outlook in zip(sizes, outlooks, strict=True)
        for each in outlook.devices
        if _fits(question, each.device, size) and _meets(question, each)
    ]
    if not found:
        return None
    if question.policy.objective == "energy":
        return min(found, key=lambda each: each.joules_per_input)
    return max(found, key=lambda each: each.inputs_per_s)


def pieces(question: Question, device: str) -> Pieces | None:
    """The fewest pieces each of which meets the target; None: no cut is needed, or none helps."""
    if question.target_ms is None or question.batch == 1:
        return None
    sizes = [size for size in _sizes(question) if size < question.batch]
    by_size = dict(zip(sizes, question.outlooks(sizes), strict=True))
    warm = dict(zip(sizes, question.outlooks(sizes, clock_share=1.0), strict=True))
    whole = _of(question.outlook().devices, device)
    if _meets(question, whole):
        return None
    for size in sorted(sizes, reverse=True):
        first = _of(by_size[size].devices, device)
        if _meets(question, first) and _fits(question, device, size):
            count = math.ceil(question.batch / size)
            rest_ms = (count - 1) * _of(warm[size].devices, device).latency_ms
            return Pieces(
                device, size, count, first.latency_ms, first.latency_ms + rest_ms, whole.latency_ms
            )
    return None


def largest_fitting(question: Question, device: str) -> int | None:
    """The largest batch that fits into a device's memory; None where that is not known."""
    room = question.host.room(device)
    if room is None:
        return None
    per_input_mb = question.needed_mb(1) - question.needed_mb(0)
    return max(int((room.memory_mb - question.needed_mb(0)) / max(per_input_mb, 1e-9)), 0)


def _sizes(question: Question) -> list[int]:
    most = min(question.largest_learned_batch, LARGEST)
    return [1 << power for power in range(most.bit_length()) if 1 << power <= most]


def _fits(question: Question, device: str, size: int) -> bool:
    room = question.host.room(device)
    return room is None or question.needed_mb(size) <= room.memory_mb


def _meets(question: Question, each: Expected) -> bool:
    return question.target_ms is None or each.p_meets(question.target_ms) >= MEETS_FROM


def _of(devices: tuple[Expected, ...], name: str) -> Expected:
    return next(each for each in devices if each.device == name)
