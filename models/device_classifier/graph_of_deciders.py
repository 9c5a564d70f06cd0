"""Who decides, as part of an ONNX graph: chances and expected losses of every device."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from onnx import TensorProto

from models.device_classifier.choice_learners import FittedClassifier, Shares
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
from models.device_classifier.residuals import Linear

if TYPE_CHECKING:
    from models.device_classifier.confidence import Calibration
    from models.device_classifier.decider import Decider
    from models.device_classifier.gate import Gate
    from models.device_classifier.graph_of_views import ViewWriter
    from models.device_classifier.graph_writer import GraphWriter
    from models.device_classifier.table import FloatArray
    from models.device_classifier.task import Fitted

FAR = 50.0  # added to the log cost of a device that does not run
STEEP = 1e9


def write_outlook(
    views: ViewWriter, decider: Decider, costs: str | None, shift: str
) -> tuple[str, str]:
    """Probabilities and expected losses of the contenders, [B, C] each.

    Args:
        views: writes what learners look at.
        decider: whose outlook.
        costs: [B, C] the weighted mean of the members that predict log costs, shift included.
        shift: [B, D] added to log costs.
    """
    write = views.writer
    runs = _runs(views, decider.gate)
    parts = []
    if costs is not None and decider.draws is not None:
        weight = sum(member.weight for member in decider.costing)
        parts.append(_of_costs(write, costs, decider.draws, weight, runs))
    if decider.naming:
        moved = write.columns(shift, decider.among)
        moved = write.op("Sub", moved, write.sums("ReduceMin", moved))
    for member, temperature in decider.naming:
        p = _probabilities(views, member.fitted)
        if runs is not None:
            stays = write.op("Sub", write.constant(1.0), runs)
            p = write.op("Add", write.op("Mul", p, runs), write.with_number("Mul", stays, NO_RUN))
        factor = write.op("Exp", write.with_number("Mul", moved, -1.0 / temperature))
        parts.append(_of_probabilities(write, write.op("Mul", p, factor), member.weight))
    p, loss = parts[0]
    for other_p, other_loss in parts[1:]:
        p, loss = write.op("Add", p, other_p), write.op("Add", loss, other_loss)
    return _calibrated(write, p, loss, decider.calibration), loss


def _probabilities(views: ViewWriter, fitted: Fitted) -> str:
    write = views.writer
    if isinstance(fitted, Shares):
        none = write.columns(views.features, (0,))
        return write.gemm(none, np.zeros((1, len(fitted.p))), fitted.p)
    if not isinstance(fitted, FittedClassifier):
        raise TypeError("a learner of costs gives no probabilities")
    if isinstance(fitted.model, Linear):
        line = fitted.model
        logits = views.linear(fitted.views, fitted.view, line.slopes, line.intercept)
        return write.op("Softmax", logits, axis=1)
    return views.trees(fitted.views, fitted.view, fitted.model)


def _of_probabilities(write: GraphWriter, p: str, weight: float) -> tuple[str, str]:
    """A member's part of the mean; p need not sum to 1."""
    p = write.op("Div", write.with_number("Mul", p, weight), write.total(p))
    rest = write.op("Sub", write.constant(weight), p)
    return p, write.with_number("Mul", rest, UNKNOWN_LOSS)


def _of_costs(
    write: GraphWriter, costs: str, draws: FloatArray, weight: float, runs: str | None
) -> tuple[str, str]:
    """The part of those that predict costs [B, C]; with draws [B, C, S]."""
    n_draws, n_contenders = draws.shape
    if runs is not None:
        stays = write.op("Sub", write.constant(1.0), runs)
        costs = write.op("Add", costs, write.with_number("Mul", stays, FAR))
    each = write.op("Unsqueeze", costs, write.constant(np.array([2])))
    drawn = write.with_number("Add", each, draws.T)
    least = write.op("ReduceMin", drawn, axes=[1], keepdims=1)
    above = write.with_number("Min", write.op("Sub", drawn, least), np.log1p(MOST_REGRET))
    is_best = write.op("Cast", write.with_number("Less", above, EQUAL), to=TensorProto.DOUBLE)
    both = write.op("Concat", write.op("Exp", above), is_best, axis=1)
    means = write.op("ReduceMean", both, axes=[2], keepdims=0)  # [B, 2 C]: regrets + 1, wins
    own = np.eye(n_contenders)
    to_loss = weight * np.vstack([own, -MISTAKE * own])
    loss = write.gemm(means, to_loss, np.full(n_contenders, weight * (MISTAKE - 1.0)))
    prior = PRIOR_COUNT / n_draws
    share = weight / (1.0 + prior) if runs is None else weight
    to_p = np.vstack([0.0 * own, share * own])
    p = write.gemm(means, to_p, np.full(n_contenders, share * prior / n_contenders))
    if runs is None:
        return p, loss
    scaled = write.with_number("Mul", write.sums("ReduceMean", runs), prior)
    total = write.with_number("Add", scaled, 1.0)
    return write.op("Div", write.op("Mul", p, runs), total), loss


def _runs(views: ViewWriter, gate: Gate) -> str | None:
    """1 where a contender is likely to run, else 0, [B, C]; None: all of them always."""
    if not gate.forests:
        return None
    write = views.writer
    chance, shares = None, np.ones(gate.n_contenders)
    shares[list(gate.forests)] = 0.0
    for column, forest in gate.forests.items():
        place = np.zeros((2, gate.n_contenders))
        place[1, column] = 1.0
        found = views.trees(gate.views, "log", forest)
        chance = write.gemm(found, place, shares if chance is None else chance)
    steep = write.with_number("Mul", write.with_number("Sub", str(chance), 0.5), STEEP)
    runs = write.clipped(steep, 0.0, 1.0)
    none = write.op("Sub", write.constant(1.0), write.sums("ReduceMax", runs))
    return write.op("Add", runs, none)


def _calibrated(write: GraphWriter, p: str, loss: str, calibration: Calibration) -> str:
    """The odds of the device with the least loss moved, the others' scaled to them."""
    is_least = write.op("Equal", loss, write.sums("ReduceMin", loss))
    is_chosen = write.op("Cast", is_least, to=TensorProto.DOUBLE)
    held = write.clipped(p, LEAST_P, MOST_P)
    logs = write.op("Log", held)
    odds = write.op("Sub", logs, write.op("Log", write.op("Sub", write.constant(1.0), held)))
    sloped = write.with_number("Mul", odds, calibration.slope - 1.0)
    moved = write.op("Mul", is_chosen, write.with_number("Add", sloped, calibration.offset))
    return write.op("Softmax", write.op("Add", logs, moved), axis=1)
