"""Who decides, as part of an ONNX graph: chances and expected losses of every device."""

from __future__ import annotations

from dataclasses import dataclass
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
    from collections.abc import Sequence

    from models.device_classifier.confidence import Calibration
    from models.device_classifier.decider import Decider
    from models.device_classifier.gate import Gate
    from models.device_classifier.graph_of_views import ViewWriter
    from models.device_classifier.graph_writer import GraphWriter
    from models.device_classifier.table import FloatArray
    from models.device_classifier.task import Fitted

FAR = 50.0  # added to the log cost of a device that does not run
STEEP = 1e9


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """What adds to the outlook: a value [B, V] by its weights, and a constant.

    Attributes:
        value: its name.
        to_p, to_loss: [V, C].
        p, loss: added to each column.
    """

    value: str
    to_p: FloatArray
    to_loss: FloatArray
    p: float = 0.0
    loss: float = 0.0


def write_outlook(
    views: ViewWriter, decider: Decider, costs: str | None, shift: str
) -> tuple[str, str]:
    """Probabilities and expected losses of the contenders, [B, C] each.

    Args:
        views: writes what learners look at.
        decider: whose outlook.
        costs: [B, C, 1] the weighted mean of the members that predict log costs, shift included.
        shift: [B, D] added to log costs.
    """
    write, n_contenders = views.writer, len(decider.among)
    runs = _runs(views, decider.gate)
    parts: list[_Part] = []
    if costs is not None and decider.draws is not None:
        weight = sum(member.weight for member in decider.costing)
        parts += _of_costs(write, costs, decider.draws, weight, runs)
    own = np.eye(n_contenders)
    for member, temperature in decider.naming:
        moves = np.zeros((decider.n_devices, n_contenders))
        moves[decider.among] = -own / temperature
        logits = write.gemm(shift, moves, _logits(views, member.fitted, runs))
        p, weight = write.op("Softmax", logits, axis=1), member.weight
        parts.append(
            _Part(p, weight * own, -UNKNOWN_LOSS * weight * own, loss=UNKNOWN_LOSS * weight)
        )
    outlook = _sum_of(write, parts)
    loss = write.columns(outlook, 2 * n_contenders + np.arange(n_contenders))
    return _calibrated(write, outlook, loss, decider.calibration, n_contenders), loss


def _sum_of(write: GraphWriter, parts: Sequence[_Part]) -> str:
    """p, 1 - p and loss of the contenders side by side, [B, 3 C]."""
    n_contenders = parts[0].to_p.shape[1]
    p, loss = sum(part.p for part in parts), sum(part.loss for part in parts)
    found: FloatArray | str = np.repeat([p, 1.0 - p, loss], n_contenders)
    for part in parts:
        found = write.gemm(part.value, np.hstack([part.to_p, -part.to_p, part.to_loss]), found)
    return str(found)


def _logits(views: ViewWriter, fitted: Fitted, runs: str | None) -> FloatArray | str:
    """Logarithms of probabilities that need not sum to 1: of all rows [C], or [B, C]."""
    write = views.writer
    if not isinstance(fitted, FittedClassifier | Shares):
        raise TypeError("a learner of costs gives no probabilities")
    if isinstance(fitted, Shares):
        if runs is None:
            return np.log(fitted.p)
        p = write.with_number("Mul", runs, fitted.p - NO_RUN)
        return write.op("Log", write.with_number("Add", p, NO_RUN))
    if isinstance(fitted.model, Linear):
        line = fitted.model
        found = views.linear(fitted.views, fitted.view, line.slopes, line.intercept)
        if runs is None:
            return found
        found = write.op("Softmax", found, axis=1)
    else:
        found = views.trees(fitted.views, fitted.view, fitted.model)
    if runs is not None:
        stays = write.op("Sub", write.constant(1.0), runs)
        found = write.op("Mul", found, runs)
        found = write.op("Add", found, write.with_number("Mul", stays, NO_RUN))
    return write.op("Log", found)


def _of_costs(
    write: GraphWriter, costs: str, draws: FloatArray, weight: float, runs: str | None
) -> list[_Part]:
    """The part of those that predict costs [B, C, 1]; with draws [B, C, S]."""
    n_draws, n_contenders = draws.shape
    if runs is not None:
        stays = write.op("Sub", write.constant(1.0), runs)
        each = write.op("Unsqueeze", stays, write.constant(np.array([2])))
        costs = write.op("Add", costs, write.with_number("Mul", each, FAR))
    drawn = write.with_number("Mul", write.op("Exp", costs), np.exp(draws.T))
    above = write.op("Div", drawn, write.op("ReduceMin", drawn, axes=[1], keepdims=1))
    is_best = write.with_number("Less", above, np.exp(EQUAL))
    held = write.with_number("Min", above, 1.0 + MOST_REGRET)
    both = write.op("Concat", held, write.op("Cast", is_best, to=TensorProto.DOUBLE), axis=1)
    means = write.op("ReduceMean", both, axes=[2], keepdims=0)  # [B, 2 C]: regrets + 1, wins
    own, none = np.eye(n_contenders), np.zeros((n_contenders, n_contenders))
    to_loss, loss = weight * np.vstack([own, -MISTAKE * own]), weight * (MISTAKE - 1.0)
    prior = PRIOR_COUNT / n_draws
    share = weight / (1.0 + prior) if runs is None else weight
    to_p, p = share * np.vstack([none, own]), share * prior / n_contenders
    if runs is None:
        return [_Part(means, to_p, to_loss, p, loss)]
    total = write.with_number("Mul", write.sums("ReduceMean", runs), prior)
    share_of = write.op("Div", runs, write.with_number("Add", total, 1.0))
    gated = write.op("Mul", write.gemm(means, to_p, np.full(n_contenders, p)), share_of)
    return [_Part(means, 0.0 * to_p, to_loss, loss=loss), _Part(gated, own, none)]


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


def _calibrated(
    write: GraphWriter, outlook: str, loss: str, calibration: Calibration, n_contenders: int
) -> str:
    """The odds of the device with the least loss moved, the others' scaled to them."""
    is_chosen = write.op("Equal", loss, write.sums("ReduceMin", loss))
    logs = write.op("Log", write.clipped(outlook, LEAST_P, MOST_P))  # of p and 1 - p
    own, none = np.eye(n_contenders), np.zeros((n_contenders, n_contenders))
    slopes = np.vstack([calibration.slope * own, (1.0 - calibration.slope) * own, none])
    moved = write.gemm(logs, slopes, np.full(n_contenders, calibration.offset))
    plain = write.columns(logs, np.arange(n_contenders))
    return write.op("Softmax", write.op("Where", is_chosen, moved, plain), axis=1)
