"""Fitted learners as parts of an ONNX graph: the same formulas, node by node."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from models.device_classifier.choice_learners import FittedClassifier, Shares
from models.device_classifier.features import MOST_ALONE, MOST_CROSSED
from models.device_classifier.graph_of_trees import write_trees
from models.device_classifier.physical import LEAST_BATCH
from models.device_classifier.products import LEAST_CLOCK, MOST_LOG
from models.device_classifier.residuals import Kernel, Linear

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.device_classifier.features import FeatureViews
    from models.device_classifier.graph_writer import GraphWriter
    from models.device_classifier.physical import Physical
    from models.device_classifier.products import Units
    from models.device_classifier.task import Fitted
    from models.device_classifier.trees import Trees


class LearnerWriter:
    """Writes what learners of one task have in common once.

    Args:
        writer: of the graph.
        features: name of the raw features [B, F].
    """

    def __init__(self, writer: GraphWriter, features: str) -> None:
        self.writer = writer
        self.features = features
        self._made: dict[tuple[object, ...], str] = {}

    def fitted(self, fitted: Fitted) -> str:
        """Log costs or probabilities, [B, C]."""
        return self._once(("fitted", id(fitted)), lambda: self._fitted(fitted))

    def _fitted(self, fitted: Fitted) -> str:
        if isinstance(fitted, Shares):
            zeros = self.writer.with_number(
                "Mul", self.writer.columns(self.features, (0,)), np.zeros((1, len(fitted.p)))
            )
            return self.writer.with_number("Add", zeros, fitted.p)
        if isinstance(fitted, FittedClassifier):
            found = self._model(fitted.model, self.view(fitted.views, fitted.view))
            is_forest = not isinstance(fitted.model, Linear)
            return found if is_forest else self.writer.op("Softmax", found, axis=1)
        parts = []
        if fitted.physical is not None:
            parts.append(self._physical(fitted.physical))
        if fitted.rest is not None:
            rest = self._model(fitted.rest.fitted, self.view(fitted.views, fitted.view))
            parts.append(self.writer.clipped(rest, fitted.rest.low, fitted.rest.high))
        if not parts:
            return self.fitted(Shares(fitted.offset))
        found = parts[0] if len(parts) == 1 else self.writer.op("Add", *parts)
        if not fitted.offset.any():
            return found
        return self.writer.with_number("Add", found, fitted.offset)

    def scaled(self, views: FeatureViews) -> str:
        """Logarithms of wide features, others as they are, [B, F]."""
        return self._once(("scaled", views.scales.tobytes()), lambda: self._scaled(views))

    def standard(self, views: FeatureViews) -> str:
        """Scaled features from their mean in units of their spread, [B, F]."""
        return self._once(("standard", *_content(views)), lambda: self._standard(views))

    def view(self, views: FeatureViews, name: str) -> str:
        """One of the views, [B, V]."""
        key = (name, views.kept, views.paired, *_content(views))
        return self._once(key, lambda: self._view(views, name))

    def _once(self, key: tuple[object, ...], make: Callable[[], str]) -> str:
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]

    def _standard(self, views: FeatureViews) -> str:
        centered = self.writer.with_number("Sub", self.scaled(views), views.center)
        return self.writer.with_number("Mul", centered, 1.0 / views.spread)

    def _scaled(self, views: FeatureViews) -> str:
        write, is_wide = self.writer, views.scales > 0
        if not is_wide.any():
            return self.features
        ratio = write.with_number("Div", self.features, np.where(is_wide, views.scales, 1.0))
        size = write.op("Abs", write.with_number("Mul", ratio, is_wide * 1.0))
        root = write.op("Sqrt", write.with_number("Add", write.op("Mul", size, size), 1.0))
        logs = write.op(
            "Mul", write.op("Log", write.op("Add", size, root)), write.op("Sign", ratio)
        )
        if is_wide.all():
            return logs
        return write.op("Add", logs, write.with_number("Mul", self.features, ~is_wide * 1.0))

    def _view(self, views: FeatureViews, name: str) -> str:
        write = self.writer
        if name == "raw":
            return write.columns(self.features, views.kept)
        kept = write.columns(self.standard(views), views.kept)
        alone = write.clipped(kept, -MOST_ALONE, MOST_ALONE)
        if name == "log":
            return alone
        pairs = views.crossed(name)
        values = self.standard(views) if name == "squares" else self.scaled(views)
        one, other = (
            self._once((values, each.tobytes()), partial(write.columns, values, each))
            for each in pairs
        )
        operators = ("Mul",) if name == "squares" else ("Add", "Sub")
        crossed = [write.op(operator, one, other) for operator in operators]
        held = [write.clipped(each, -MOST_CROSSED, MOST_CROSSED) for each in crossed]
        return write.op("Concat", alone, *held, axis=1)

    def _model(self, model: Linear | Kernel | Trees, x: str) -> str:
        write = self.writer
        if isinstance(model, Linear):
            product = write.with_number("MatMul", x, model.slopes)
            return write.with_number("Add", product, model.intercept)
        if not isinstance(model, Kernel):
            return write_trees(write, model, x)
        squared = squared_distances(write, x, model.points)
        similarity = write.op("Exp", write.with_number("Mul", squared, -1.0 / model.scale))
        smooth = write.with_number("MatMul", similarity, model.weights)
        return write.op("Add", self._model(model.linear, x), smooth)

    def _physical(self, physical: Physical) -> str:
        key = (
            physical.factors,
            physical.weights.tobytes(),
            physical.floors.tobytes(),
            physical.batch,
            *_units_content(physical.units),
        )
        return self._once(("physical", *key), lambda: self._written_physical(physical))

    def _written_physical(self, physical: Physical) -> str:
        write, chosen = self.writer, np.array(physical.factors)
        units = self._units(physical.units)
        product = write.columns(units, chosen[:, 0])
        for column in (1, 2):
            if chosen[:, column].any():
                product = write.op("Mul", product, write.columns(units, chosen[:, column]))
        costs = write.with_number("MatMul", product, physical.weights)
        logs = write.op("Log", write.with_number("Max", costs, physical.floors))
        if physical.batch is None:
            return logs
        batch = write.columns(units, (physical.units.size(physical.batch),))
        return write.op("Sub", logs, write.op("Log", write.with_number("Max", batch, LEAST_BATCH)))

    def _units(self, units: Units) -> str:
        return self._once(("units", *_units_content(units)), lambda: self._written_units(units))

    def _written_units(self, units: Units) -> str:
        write, plain = self.writer, self.features
        is_log = units.log_bases > 0
        if is_log.any():
            powers = write.with_number("Mul", plain, units.log_bases)
            powers = write.op("Exp", write.clipped(powers, -MOST_LOG, MOST_LOG))
            powers = write.with_number("Mul", powers, is_log * 1.0)
            plain = write.op("Add", powers, write.with_number("Mul", plain, ~is_log * 1.0))
        if units.least.any():
            plain = write.with_number("Sub", plain, units.least)
        sizes = write.op("Relu", plain)
        one = write.with_number(
            "Max", write.with_number("Mul", write.columns(sizes, (0,)), 0.0), 1.0
        )
        parts = [one, sizes, write.op("Sqrt", sizes)]
        if units.clock is not None:
            clock = write.with_number("Min", write.columns(sizes, (units.clock,)), 1.0)
            parts.append(write.op("Sub", one, clock))
            stretch = write.op("Div", one, write.with_number("Max", clock, LEAST_CLOCK))
            parts.append(write.op("Sub", stretch, one))
        return write.op("Concat", *parts, axis=1)


def _content(views: FeatureViews) -> tuple[bytes, bytes, bytes]:
    return views.scales.tobytes(), views.center.tobytes(), views.spread.tobytes()


def _units_content(units: Units) -> tuple[object, ...]:
    return units.least.tobytes(), units.log_bases.tobytes(), units.clock


def squared_distances(write: GraphWriter, x: str, points: np.ndarray) -> str:
    """From rows x [B, V] to points [P, V], none below 0: [B, P]."""
    crossed = write.with_number("MatMul", x, -2.0 * points.T)
    sizes = write.total(write.op("Mul", x, x))
    both = write.op("Add", sizes, write.with_number("Add", crossed, (points**2).sum(axis=1)))
    return write.op("Relu", both)
