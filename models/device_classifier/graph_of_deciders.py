"""Who decides, as part of an ONNX graph: chances and expected losses of every device."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from onnx import TensorProto

from models.device_classifier.confidence import (
    EQUAL,
    LEAST_P,
    MISTAKE,
    MOST_P,
    MOST_REGRET,
    PRIOR_COUNT,
    UNKNOWN_LOSS,
)
from models.device_classifier.decider import NO_RUN
from models.device_classifier.graph_of_trees import write_trees

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.device_classifier.confidence import Calibration
    from models.device_classifier.decider import Decider, Member
    from models.device_classifier.gate import Gate
    from models.device_classifier.graph_of_learners import LearnerWriter
    from models.device_classifier.graph_writer import GraphWriter

FAR = 50.0  # added to the log cost of a device that does not run
STEEP = 1e9


def write_outlook(
    write: GraphWriter, learners: LearnerWriter, decider: Decider, shift: str
) -> tuple[str, str]:
    """Probabilities and expected losses of the contenders, [B, C] each."""
    moved = write.columns(shift, decider.among)
    moved = write.op("Sub", moved, write.sums("ReduceMin", moved))
    runs = _runs(write, learners, decider.gate)
    costing = [member for member in decider.members if member.draws is not None]
    parts = [_of_costs(write, learners, costing, moved, runs)] if costing else []
    parts += [
        _of_probabilities(write, learners, member, moved, runs)
        for member in decider.members
        if member.draws is None
    ]
    p, loss = parts[0]
    for other_p, other_loss in parts[1:]:
        p, loss = write.op("Add", p, other_p), write.op("Add", loss, other_loss)
    return _calibrated(write, p, loss, decider.calibration), loss


def _of_probabilities(
    write: GraphWriter, learners: LearnerWriter, member: Member, moved: str, runs: str | None
) -> tuple[str, str]:
    """The member's part of the mean."""
    p = learners.fitted(member.fitted)
    if runs is not None:
        stays = write.op("Sub", write.constant(1.0), runs)
        p = write.op("Add", write.op("Mul", p, runs), write.with_number("Mul", stays, NO_RUN))
    factor = write.op("Exp", write.with_number("Mul", moved, -1.0 / member.temperature))
    p = write.op("Mul", p, factor)
    p = write.op("Div", write.with_number("Mul", p, member.weight), write.total(p))
    rest = write.op("Sub", write.constant(member.weight), p)
    return p, write.with_number("Mul", rest, UNKNOWN_LOSS)


def _of_costs(
    write: GraphWriter,
    learners: LearnerWriter,
    members: Sequence[Member],
    moved: str,
    runs: str | None,
) -> tuple[str, str]:
    """The parts of all M members at once: costs [B, M, C], with draws [B, M, S, C]."""
    draws = np.stack([member.draws for member in members if member.draws is not None])
    weights = np.array([member.weight for member in members])[:, None]
    _, n_draws, n_contenders = draws.shape
    if runs is not None:
        stays = write.op("Sub", write.constant(1.0), runs)
        moved = write.op("Add", moved, write.with_number("Mul", stays, FAR))
    each = [_with_axis(write, learners.fitted(member.fitted), 1) for member in members]
    costs = each[0] if len(each) == 1 else write.op("Concat", *each, axis=1)
    costs = write.op("Add", costs, _with_axis(write, moved, 1))
    drawn = write.with_number("Add", _with_axis(write, costs, 2), draws)
    least = write.op("ReduceMin", drawn, axes=[3], keepdims=1)
    above = write.with_number("Min", write.op("Sub", drawn, least), np.log1p(MOST_REGRET))
    is_best = write.op("Cast", write.with_number("Less", above, EQUAL), to=TensorProto.DOUBLE)
    wins = write.op("ReduceMean", is_best, axes=[2], keepdims=0)
    counts = write.with_number("Add", wins, PRIOR_COUNT / n_contenders / n_draws)
    if runs is not None:
        counts = write.op("Mul", counts, _with_axis(write, runs, 1))
    total = write.op("ReduceSum", counts, write.constant(np.array([2])), keepdims=1)
    p = write.with_number("Mul", write.op("Div", counts, total), weights)
    regret = write.op("ReduceMean", write.op("Exp", above), axes=[2], keepdims=0)
    loss = write.op("Sub", regret, write.with_number("Mul", wins, MISTAKE))
    loss = write.with_number("Mul", write.with_number("Add", loss, MISTAKE - 1.0), weights)
    first = write.constant(np.array([1]))
    p, loss = (write.op("ReduceSum", each, first, keepdims=0) for each in (p, loss))
    return p, loss


def _with_axis(write: GraphWriter, value: str, axis: int) -> str:
    return write.op("Unsqueeze", value, write.constant(np.array([axis])))


def _runs(write: GraphWriter, learners: LearnerWriter, gate: Gate) -> str | None:
    """1 where a contender is likely to run, else 0, [B, C]; None: all of them always."""
    if not gate.forests:
        return None
    x = learners.view(gate.views, "log")
    shares = np.ones((1, gate.n_contenders))
    found = None
    for column, forest in gate.forests.items():
        chance = write.columns(write_trees(write, forest, x), (1,))
        place = np.zeros((1, gate.n_contenders))
        place[0, column] = 1.0
        shares[0, column] = 0.0
        part = write.with_number("Mul", chance, place)
        found = part if found is None else write.op("Add", found, part)
    chance = write.with_number("Add", str(found), shares)
    steep = write.with_number("Mul", write.with_number("Sub", chance, 0.5), STEEP)
    runs = write.clipped(steep, 0.0, 1.0)
    none = write.op("Sub", write.constant(1.0), write.sums("ReduceMax", runs))
    return write.op("Add", runs, none)


def _calibrated(write: GraphWriter, p: str, loss: str, calibration: Calibration) -> str:
    """The probability of the device with the least loss calibrated, the others scaled to it."""
    is_chosen = write.op(
        "Cast", write.op("Equal", loss, write.sums("ReduceMin", loss)), to=TensorProto.DOUBLE
    )
    raw = write.total(write.op("Mul", p, is_chosen))
    held = write.clipped(raw, LEAST_P, MOST_P)
    odds = write.op("Log", write.op("Div", held, write.op("Sub", write.constant(1.0), held)))
    sloped = write.with_number("Mul", odds, -calibration.slope)
    power = write.op("Exp", write.with_number("Sub", sloped, calibration.offset))
    sure = write.op("Div", write.constant(1.0), write.with_number("Add", power, 1.0))
    new = write.clipped(sure, LEAST_P, MOST_P)
    one = write.constant(1.0)
    rest = write.with_number("Max", write.op("Sub", one, raw), 1.0 - MOST_P)
    scale = write.op("Div", write.op("Sub", one, new), rest)
    others = write.op("Mul", write.op("Sub", p, write.op("Mul", p, is_chosen)), scale)
    return write.op("Add", others, write.op("Mul", new, is_chosen))
