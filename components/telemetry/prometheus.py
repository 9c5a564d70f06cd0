"""Latency of a job, scraped from its server's Prometheus page."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from components.telemetry.errors import MeterError, ReadingError
from components.telemetry.meters import LatencySnapshot
from components.telemetry.prometheus_page import PrometheusPage, count, number, read_series
from components.telemetry.resolution import check_resolution
from components.telemetry.server_mapping import OURS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from components.jobs.target import Target
    from components.telemetry.server_mapping import Series, ServerMapping

_NO_LABELS: Mapping[str, str] = {}


class PrometheusLatency:
    """Reads the counters of one server; a LatencySource."""

    def __init__(
        self,
        url: str,
        timeout_s: float = 2.0,
        *,
        mapping: ServerMapping = OURS,
        batch_size: int = 1,
        model: str = "",
        target: Target | None = None,
    ) -> None:
        """Take where the page is, and how it is read.

        Args:
            url: of the page.
            timeout_s: for all of a scrape.
            mapping: which series mean what.
            batch_size: images in a request, where the page counts requests only.
            model: which of several models of the page.
            target: what is to be judged; a page that is too coarse for it is refused.
        """
        self._page = PrometheusPage(url, timeout_s)
        self._mapping = mapping
        self._batch_size = batch_size
        self._model = model
        self._target = target

    def read(self) -> LatencySnapshot:
        """Scrape the page now.

        Raises:
            ReadingError: the server did not answer in time, answered half a page, or has not
                answered any request yet.
            MeterError: the address serves no such page, the page has not the metrics, or its
                buckets are too wide to judge the target.
        """
        reader = _Reader(self._mapping, self._batch_size, self._model, self._page.url)
        snapshot = reader.snapshot(self._page.fetch())
        if self._target is not None:
            check_resolution(snapshot.bounds_s, self._target, self._page.url)
        return snapshot


def parse_page(page: str, where: str = "a page", mapping: ServerMapping = OURS) -> LatencySnapshot:
    """Read a page in Prometheus' text format, of a server with one image in a request.

    Raises:
        ReadingError: the counts do not fit each other, as on a page cut short.
        MeterError: a metric is absent, has several series, or is no number.
    """
    return _Reader(mapping, 1, "", where).snapshot(page)


class _Reader:
    """What a page says, by a mapping."""

    def __init__(self, mapping: ServerMapping, batch_size: int, model: str, where: str) -> None:
        self._mapping = mapping
        self._divisor = 1 if mapping.is_per_image else batch_size
        self._batch_size = batch_size
        self._model = model
        self._where = where
        self._series: Mapping[str, list[tuple[Mapping[str, str], str]]] = {}

    def snapshot(self, page: str) -> LatencySnapshot:
        """Join the series of a page."""
        mapping = self._mapping
        self._series = read_series(page, mapping.names, self._where)
        bounds_s, counts = self._buckets()
        if mapping.histogram is None:
            n_requests = self._count(_given(mapping.answered))
            total = self._sum(_given(mapping.duration_sum))
            counts = (n_requests,)
        else:
            n_requests = self._count(mapping.histogram, "_count")
            total = self._sum(mapping.histogram, "_sum")
        if sum(counts) != n_requests:
            raise ReadingError(
                f"asked for the latencies of {self._where}",
                f"the buckets end at {sum(counts)} and the count is {n_requests}",
                "it is tried again",
            )
        images = mapping.images
        received = [self._count(series) for series in mapping.received]
        return LatencySnapshot(
            bounds_s=bounds_s,
            counts=counts,
            sum_s=total * mapping.unit_s / self._divisor,
            n_requests=n_requests,
            n_images=n_requests * self._batch_size if images is None else self._count(images),
            n_received=max(sum(received), n_requests) if received else n_requests,
        )

    def _buckets(self) -> tuple[tuple[float, ...], tuple[int, ...]]:
        """Upper bounds in seconds an image, and how many requests lie in each bucket."""
        histogram = self._mapping.histogram
        if histogram is None:
            return (), ()
        cumulated: dict[float, int] = {}
        for labels, value in self._of(histogram, "_bucket"):
            bound = number(labels.get("le", ""), self._where)
            cumulated[bound] = cumulated.get(bound, 0) + count(value, self._where)
        bounds = sorted(cumulated)
        if not bounds or bounds[-1] != math.inf:
            raise self._absent(f'{histogram.name}_bucket{{le="+Inf"}}')
        ends = [cumulated[bound] for bound in bounds]
        counts = tuple(b - a for a, b in zip([0, *ends], ends, strict=False))
        if min(counts) < 0:
            raise ReadingError(
                f"asked for {histogram.name} of {self._where}",
                f"a bucket holds {min(counts)} requests",
                "it is tried again",
            )
        unit_s = self._mapping.unit_s / self._divisor
        return tuple(bound * unit_s for bound in bounds[:-1]), counts

    def _count(self, series: Series, part: str = "") -> int:
        return sum(count(value, self._where) for _, value in self._of(series, part))

    def _sum(self, series: Series, part: str = "") -> float:
        return sum(number(value, self._where) for _, value in self._of(series, part))

    def _of(self, series: Series, part: str) -> list[tuple[Mapping[str, str], str]]:
        """The series a declaration means, of the one model that is asked for."""
        name = f"{series.name}{part}"
        fitting = [row for row in self._series.get(name, []) if series.fits(row[0])]
        fitting = self._of_model(name, fitting)
        if not fitting and not self._mapping.appears_late:
            raise self._absent(name)
        if not fitting:
            raise ReadingError(
                f"asked for {name} of {self._where}",
                f"it is no page of {self._mapping.name}, or no request was answered yet",
                "send it requests, or name another server in joulepilot.metrics; it is read again",
            )
        self._check_single(name, fitting, series)
        return fitting

    def _of_model(
        self, name: str, rows: list[tuple[Mapping[str, str], str]]
    ) -> list[tuple[Mapping[str, str], str]]:
        label = self._mapping.model_label
        if label is None:
            return rows
        models = sorted({labels.get(label, "") for labels, _ in rows})
        if len(models) <= 1:
            return rows
        if self._model not in models:
            raise MeterError(
                f"asked for {name} of {self._where}",
                f"it serves the models {', '.join(models)}",
                "say which by joulepilot.model",
            )
        return [row for row in rows if row[0].get(label) == self._model]

    def _check_single(
        self, name: str, rows: Iterable[tuple[Mapping[str, str], str]], series: Series
    ) -> None:
        """Of our own page, where a label more would mean another model, there is one series."""
        if series.having or self._mapping.model_label is not None:
            return
        bounds = [labels.get("le", "") for labels, _ in rows]
        if len(set(bounds)) < len(bounds):
            raise MeterError(
                f"asked for {name} of {self._where}",
                "it has several series",
                "serve one model with one batch size on a page",
            )

    def _absent(self, name: str) -> MeterError:
        return MeterError(
            f"asked for {name} of {self._where}",
            "the page does not have it",
            f"serve the metrics of {self._mapping.name!r}, or name another server in "
            "joulepilot.metrics",
        )


def _given(series: Series | None) -> Series:
    if series is None:
        raise MeterError(
            "asked for the latencies of a server without a histogram",
            "its declaration has neither a sum nor a count",
            "declare both",
        )
    return series
