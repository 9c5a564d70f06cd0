"""Views of the raw features as parts of an ONNX graph, each written once and in few nodes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from models.device_classifier.features import MOST_ALONE
from models.device_classifier.graph_of_trees import write_trees

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.device_classifier.features import FeatureViews
    from models.device_classifier.graph_of_logs import Logs
    from models.device_classifier.graph_writer import GraphWriter
    from models.device_classifier.table import FloatArray
    from models.device_classifier.trees import Trees


class ViewWriter:
    """Writes what learners look at.

    Args:
        writer: of the graph.
        features: name of the raw features [B, F].
        logs: of them, of all views that are asked for.
    """

    def __init__(self, writer: GraphWriter, features: str, logs: Logs) -> None:
        self.writer = writer
        self.features = features
        self.logs = logs
        self.distances: dict[bytes, tuple[str, float]] = {}
        """By points [P, K], squared distances from them [B, P] times a factor, where written."""
        self._made: dict[tuple[object, ...], str] = {}

    def _once(self, key: tuple[object, ...], make: Callable[[], str]) -> str:
        """What was made under a key, made now if it was not yet."""
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]

    def affine(self, views: FeatureViews, weights: FloatArray, bias: FloatArray) -> str:
        """Scaled features times weights [F, W] plus bias, [B, W]."""
        is_wide, n_logs = views.scales > 0, len(self.logs)
        if is_wide.all():
            value, placed = self.logs.name, np.zeros((n_logs, weights.shape[1]))
        elif not is_wide.any():
            return self.writer.gemm(self.features, weights, bias)
        else:
            value = self._once(("both",), self._both)
            placed = np.concatenate([np.zeros((n_logs, weights.shape[1])), weights])
            placed[n_logs + np.flatnonzero(is_wide)] = 0.0
        placed[self.logs.wide(views)] = weights[is_wide]
        return self.writer.gemm(value, placed, bias)

    def _both(self) -> str:
        """The logarithms and the raw features, [B, L + F]."""
        return self.writer.op("Concat", self.logs.name, self.features, axis=1)

    def log(self, views: FeatureViews) -> str:
        """The logarithmic view, [B, K]."""
        return self._once(("log", *_content(views)), partial(self._log, views))

    def sums_squared(self, views: FeatureViews) -> str:
        """Of the features that are crossed, the squares of sums of two, [B, P]."""
        return self._once(("sums", *_content(views)), partial(self._sums_squared, views))

    def with_squares(self, views: FeatureViews) -> str:
        """The logarithmic view and its squares, [B, 2 K]: distances are linear in them."""
        return self._once(("squares", *_content(views)), partial(self._with_squares, views))

    def trees(self, views: FeatureViews, view: str, forest: Trees) -> str:
        """What a forest gives, [B, C]; trees compare, so that no bounds need to be kept."""
        if view == "raw":
            return write_trees(self.writer, forest, self.features, np.array(views.kept))
        x = self.log(views) if view == "log" else self._ratios(views)
        return write_trees(self.writer, forest, x)

    def linear(self, views: FeatureViews, view: str, slopes: FloatArray, bias: FloatArray) -> str:
        """A view, logarithmic or of squares, times slopes [V, W] plus bias, [B, W]."""
        if view == "log":
            return self.writer.gemm(self.log(views), slopes, bias)
        n_alone, (one, other) = len(views.kept), views.crossed("squares")
        is_pair = one != other
        into = np.zeros((2 * n_alone, slopes.shape[1]))
        into[:n_alone] = slopes[:n_alone]
        into[n_alone + one[~is_pair]] = slopes[n_alone:][~is_pair]
        half = slopes[n_alone:][is_pair] / 2.0  # a product: a sum squared less both squares
        for column in (one, other):
            np.subtract.at(into, n_alone + column[is_pair], half)
        found = self.writer.gemm(self.with_squares(views), into, bias)
        return self.writer.gemm(self.sums_squared(views), half, found) if len(half) else found

    def _log(self, views: FeatureViews) -> str:
        kept = list(views.kept)
        weights = np.zeros((len(views.names), len(kept)))
        weights[kept, np.arange(len(kept))] = 1.0 / views.spread[kept]
        found = self.affine(views, weights, -(views.center / views.spread)[kept])
        return self.writer.clipped(found, -MOST_ALONE, MOST_ALONE)

    def _sums_squared(self, views: FeatureViews) -> str:
        one, other = views.crossed("squares")
        places = np.eye(len(views.kept))
        sums = (places[one] + places[other])[one != other].T
        found = self.writer.gemm(self.log(views), sums, np.zeros(sums.shape[1]))
        return self.writer.op("Mul", found, found)

    def _with_squares(self, views: FeatureViews) -> str:
        alone = self.log(views)
        return self.writer.op("Concat", alone, self.writer.op("Mul", alone, alone), axis=1)

    def _ratios(self, views: FeatureViews) -> str:
        kept, (one, other) = np.array(views.kept), views.crossed("ratios")
        n_kept, n_pairs = len(kept), len(one)
        weights = np.zeros((len(views.names), n_kept + 2 * n_pairs))
        weights[kept, np.arange(n_kept)] = 1.0 / views.spread[kept]
        for first, sign in ((n_kept, 1.0), (n_kept + n_pairs, -1.0)):
            weights[kept[one], first + np.arange(n_pairs)] = 1.0
            weights[kept[other], first + np.arange(n_pairs)] = sign
        bias = np.zeros(weights.shape[1])
        bias[:n_kept] = -(views.center / views.spread)[kept]
        key = ("ratios", *_content(views))
        return self._once(key, partial(self.affine, views, weights, bias))


def _content(views: FeatureViews) -> tuple[object, ...]:
    arrays = (views.scales, views.center, views.spread)
    return (views.kept, views.paired, *(each.tobytes() for each in arrays))
