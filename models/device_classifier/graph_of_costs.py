"""Sums of log costs as part of an ONNX graph: learners' parts stacked, so that nodes are few.

What is small takes its time by the node, not by the number: linear parts of all learners are one
matrix, kernels another, and every sum is the third operand of a product that is there anyway.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from models.device_classifier.choice_learners import FittedClassifier, Shares
from models.device_classifier.graph_of_products import write_products
from models.device_classifier.residuals import Kernel, Linear

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.device_classifier.features import FeatureViews
    from models.device_classifier.graph_of_views import ViewWriter
    from models.device_classifier.physical import Physical
    from models.device_classifier.residuals import Residuals
    from models.device_classifier.table import FloatArray
    from models.device_classifier.task import Fitted

LEAST_HALF = 1e-9  # between the bounds of a residual that is a constant


@dataclass(frozen=True, slots=True, eq=False)
class Rest:
    """Residuals of a learner, and what they add to the T sums: places [C, T]."""

    views: FeatureViews
    view: str
    residuals: Residuals
    places: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Smooth:
    """A rest that is a line, or a line and a kernel."""

    rest: Rest
    model: Linear | Kernel

    @property
    def line(self) -> Linear:
        """The linear part."""
        return self.model.linear if isinstance(self.model, Kernel) else self.model


@dataclass(slots=True, eq=False)
class CostSums:
    """T sums of log costs, collected first and written at once.

    Attributes:
        views: writes what learners look at.
        constant: [T] what is added to all rows.
    """

    views: ViewWriter
    constant: FloatArray
    _rests: dict[int, Rest] = field(default_factory=dict)
    _physical: dict[tuple[object, ...], tuple[Physical, FloatArray]] = field(default_factory=dict)

    def add(self, fitted: Fitted, places: FloatArray) -> None:
        """Add log costs [B, C] of a learner, times places [C, T]."""
        if isinstance(fitted, Shares):
            self.constant = self.constant + fitted.p @ places
            return
        if isinstance(fitted, FittedClassifier):
            raise TypeError("a classifier predicts no cost")
        self.constant = self.constant + fitted.offset @ places
        if fitted.physical is not None:
            key = _content(fitted.physical)
            _, before = self._physical.get(key, (None, 0.0))
            self._physical[key] = (fitted.physical, before + places)
        if fitted.rest is not None:
            known = self._rests.get(id(fitted.rest))
            before = 0.0 if known is None else known.places
            rest = Rest(fitted.views, fitted.view, fitted.rest, before + places)
            self._rests[id(fitted.rest)] = rest

    def written(self, shift: str, places: FloatArray) -> str:
        """The sums, with shifts [B, D] times places [D, T] added: [B, T]."""
        write, constant = self.views.writer, self.constant
        parts: list[tuple[str, FloatArray]] = []
        if self._physical:
            costs = write_products(write, self.views.logs, [law for law, _ in self._laws])
            parts.append((costs, np.vstack([into for _, into in self._laws])))
        smooth: dict[int, list[Smooth]] = {}
        for rest in self._rests.values():
            model = rest.residuals.fitted
            if isinstance(model, Linear | Kernel):
                smooth.setdefault(id(rest.views), []).append(Smooth(rest, model))
            else:  # within bounds by what it is
                parts.append((self.views.trees(rest.views, rest.view, model), rest.places))
        for alike in smooth.values():
            into = np.vstack([each.rest.places for each in alike])
            low, high = (
                np.concatenate([getattr(each.rest.residuals, end) for each in alike])
                for end in ("low", "high")
            )
            middle, half = (low + high) / 2.0, np.maximum((high - low) / 2.0, LEAST_HALF)
            constant = constant + middle @ into
            parts.append((_held(self.views, alike, middle, half), half[:, None] * into))
        added = write.op("Concat", shift, *(value for value, _ in parts), axis=1)
        return write.gemm(added, np.vstack([places, *(into for _, into in parts)]), constant)

    @property
    def _laws(self) -> list[tuple[Physical, FloatArray]]:
        return list(self._physical.values())


def _held(
    writer: ViewWriter, smooth: Sequence[Smooth], middle: FloatArray, half: FloatArray
) -> str:
    """Residuals that are linear or smooth, of the same features, within their bounds: [B, R C].

    As distances from the middle of the bounds, in halves of what lies between them.
    """
    write, views = writer.writer, smooth[0].rest.views
    n_most = max(len(each.line.slopes) for each in smooth)
    slopes = [
        np.pad(each.line.slopes, ((0, n_most - len(each.line.slopes)), (0, 0))) for each in smooth
    ]
    view = "log" if n_most == len(views.kept) else "squares"
    bias = np.concatenate([each.line.intercept for each in smooth])
    found = writer.linear(views, view, np.hstack(slopes) / half, (bias - middle) / half)
    if any(isinstance(each.model, Kernel) for each in smooth):
        found = _with_kernels(writer, smooth, found, half)
    return write.clipped(found, -1.0, 1.0)


def _with_kernels(
    writer: ViewWriter, smooth: Sequence[Smooth], lines: str, half: FloatArray
) -> str:
    """Lines [B, R C] and the smooth parts of those that have one; equal points are written once."""
    write, views = writer.writer, smooth[0].rest.views
    weights: dict[tuple[bytes, float], FloatArray] = {}
    points: list[tuple[FloatArray, FloatArray]] = []
    n_outputs = len(smooth[0].line.intercept)
    for i, each in enumerate(smooth):
        kernel = each.model
        if isinstance(kernel, Kernel):
            key = (kernel.points.tobytes(), kernel.scale)
            if key not in weights:
                weights[key] = np.zeros((len(kernel.points), n_outputs * len(smooth)))
                points.append(distance_weights(kernel.points, -1.0 / kernel.scale))
            weights[key][:, i * n_outputs : (i + 1) * n_outputs] = kernel.weights
    crossed, sizes = (np.concatenate(each, axis=-1) for each in zip(*points, strict=True))
    exponents = write.gemm(writer.with_squares(views), crossed, sizes)
    if len(points) == 1:
        ((known, scale),) = weights
        writer.distances[known] = exponents, -1.0 / scale
    similar = write.op("Exp", exponents)
    return write.gemm(similar, np.vstack(list(weights.values())) / half, lines)


def distance_weights(points: FloatArray, factor: float) -> tuple[FloatArray, FloatArray]:
    """Squared distances to points [P, V] as weights of (x, x²) and a bias, times a factor."""
    weights = np.vstack([-2.0 * points.T, np.ones_like(points.T)])
    return factor * weights, factor * (points**2).sum(axis=1)


def _content(physical: Physical) -> tuple[object, ...]:
    units = physical.units
    arrays = (physical.weights, physical.floors, units.least, units.log_bases)
    texts = tuple(each.tobytes() for each in arrays)
    return (physical.factors, physical.batch, units.clock, *texts)
