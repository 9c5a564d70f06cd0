"""Latency of a job, scraped from its server's Prometheus page."""

from __future__ import annotations

import http.client
import math
import re
import time
from collections import defaultdict
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from components.telemetry.errors import EndpointError, MeterError, ReadingError
from components.telemetry.meters import LatencySnapshot

if TYPE_CHECKING:
    from collections.abc import Mapping

LATENCY = "joulepilot_image_latency_seconds"
IMAGES = "joulepilot_images_total"
RECEIVED = "joulepilot_requests_received_total"

_MAX_PAGE_BYTES = 4 * 1024 * 1024
_CHUNK_BYTES = 64 * 1024
_LABELS = r'\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\}'
_LINE = re.compile(rf"([a-zA-Z_:][\w:]*)(?:{_LABELS})?\s+([^\s{{}}#]+)(?:\s.*)?", re.ASCII)
_LE = re.compile(r'(?:^|,)\s*le="([^"]*)"')


class PrometheusLatency:
    """Reads the counters of one server; a LatencySource."""

    def __init__(self, url: str, timeout_s: float = 2.0) -> None:
        self._url = url
        self._host, self._port, self._path = _address(url)
        self._timeout_s = timeout_s

    def read(self) -> LatencySnapshot:
        """Scrape the page now.

        Raises:
            ReadingError: the server did not answer in time, or answered half a page.
            MeterError: the address serves no such page, or the page has not our metrics.
        """
        return parse_page(self._scrape(), self._url)

    def _scrape(self) -> str:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=self._timeout_s)
        try:
            connection.request("GET", self._path, headers={"Accept": "text/plain;version=0.0.4"})
            response = connection.getresponse()
            page = self._body(response)
        except (OSError, http.client.HTTPException) as error:
            raise ReadingError(
                f"asked for {self._url}", f"it did not answer: {error!r}", "it is tried again"
            ) from error
        finally:
            connection.close()
        if response.status != http.client.OK:
            raise self._refused(response.status)
        return page.decode(errors="replace")

    def _body(self, response: http.client.HTTPResponse) -> bytes:
        deadline_s = time.monotonic() + self._timeout_s
        page = bytearray()
        while chunk := response.read1(_CHUNK_BYTES):
            page += chunk
            if time.monotonic() > deadline_s:
                raise TimeoutError(f"the page was not whole after {self._timeout_s} s")
            if len(page) > _MAX_PAGE_BYTES:
                raise MeterError(
                    f"asked for {self._url}",
                    f"the page is larger than {_MAX_PAGE_BYTES} bytes",
                    "give the address of the job's own metrics",
                )
        if response.length:
            raise http.client.IncompleteRead(b"", response.length)
        return bytes(page)

    def _refused(self, status: int) -> MeterError | ReadingError:
        asked, found = f"asked for {self._url}", f"it answered {status}"
        if status >= http.client.INTERNAL_SERVER_ERROR:
            return ReadingError(asked, found, "it is tried again")
        return MeterError(asked, found, "give the address of the job's metrics page")


def _address(url: str) -> tuple[str, int, str]:
    """Host, port and path of a page."""
    cause = None
    try:
        parts = urlsplit(url)
        if parts.scheme == "http" and parts.hostname:
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            return parts.hostname, parts.port or 80, path
    except ValueError as error:
        cause = error
    raise EndpointError(
        f"asked to read latencies from {url!r}",
        "that is no http address",
        "give one like http://127.0.0.1:8002/metrics",
    ) from cause


def parse_page(page: str, where: str = "a page") -> LatencySnapshot:
    """Read a page in Prometheus' text format.

    Raises:
        ReadingError: the counts do not fit each other, as on a page cut short.
        MeterError: a metric is absent, has several series, or is no number.
    """
    series = _series(page, where)
    buckets = series[f"{LATENCY}_bucket"]
    bounds = sorted(buckets, key=lambda bound: _number(bound, where))
    if not bounds or _number(bounds[-1], where) != math.inf:
        raise _absent(f'{LATENCY}_bucket{{le="+Inf"}}', where)
    cumulated = [_count(buckets[bound], where) for bound in bounds]
    counts = tuple(b - a for a, b in zip([0, *cumulated], cumulated, strict=False))
    n_requests = _count(_single(series, f"{LATENCY}_count", where), where)
    if min(counts) < 0 or cumulated[-1] != n_requests:
        raise ReadingError(
            f"asked for {LATENCY} of {where}",
            f"the buckets end at {cumulated[-1]} and the count is {n_requests}",
            "it is tried again",
        )
    return LatencySnapshot(
        bounds_s=tuple(_number(bound, where) for bound in bounds[:-1]),
        counts=counts,
        sum_s=_number(_single(series, f"{LATENCY}_sum", where), where),
        n_requests=n_requests,
        n_images=_count(_single(series, IMAGES, where), where),
        n_received=_count(_single(series, RECEIVED, where), where),
    )


def _series(page: str, where: str) -> Mapping[str, dict[str, str]]:
    """Value of each series of our metrics, by name, then by bucket bound ("" elsewhere)."""
    series: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for line in page.splitlines():
        if not line.startswith((LATENCY, IMAGES, RECEIVED)):
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise MeterError(f"asked for {where}", f"its line {line!r} is not understood", _FORMAT)
        name, labels, value = match.groups()
        le = _LE.search(labels or "")
        key = le[1] if le else ""
        if key in series[name]:
            raise MeterError(
                f"asked for {name} of {where}",
                "it has several series",
                "serve one model with one batch size on a page",
            )
        series[name][key] = value
    return series


_FORMAT = "serve Prometheus' text format"


def _single(series: Mapping[str, dict[str, str]], name: str, where: str) -> str:
    try:
        return series[name][""]
    except KeyError as error:
        raise _absent(name, where) from error


def _number(text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise MeterError(f"asked for {where}", f"{text!r} is no number", _FORMAT) from error
    if math.isnan(value):
        raise MeterError(f"asked for {where}", "a value is NaN", _FORMAT)
    return value


def _count(text: str, where: str) -> int:
    value = _number(text, where)
    if not (math.isfinite(value) and value >= 0 and value == int(value)):
        raise MeterError(f"asked for {where}", f"{text!r} is no count", _FORMAT)
    return int(value)


def _absent(name: str, where: str) -> MeterError:
    return MeterError(
        f"asked for {name} of {where}", "the page does not have it", "serve joulepilot's metrics"
    )
