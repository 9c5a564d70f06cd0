"""A page in Prometheus' text format: fetched with time-outs and caps, and read line by line."""

from __future__ import annotations

import http.client
import math
import re
import time
from collections import defaultdict
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from components.telemetry.errors import EndpointError, MeterError, ReadingError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    Series = list[tuple[Mapping[str, str], str]]
    """Labels and value, as text, of each series of a metric."""

_MAX_PAGE_BYTES = 4 * 1024 * 1024
_CHUNK_BYTES = 64 * 1024
_LABELS = r'\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\}'
_LINE = re.compile(rf"([a-zA-Z_:][\w:]*)(?:{_LABELS})?\s+([^\s{{}}#]+)(?:\s.*)?", re.ASCII)
_LABEL = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"', re.ASCII)
FORMAT = "serve Prometheus' text format"


class PrometheusPage:
    """Fetches one page; each time a connection of its own, which no server holds open."""

    def __init__(self, url: str, timeout_s: float) -> None:
        """Take the address of a page.

        Raises:
            EndpointError: it is none.
        """
        self.url = url
        self._host, self._port, self._path = _address(url)
        self._timeout_s = timeout_s

    def fetch(self) -> str:
        """Fetch it now.

        Raises:
            ReadingError: the server did not answer in time, or answered half a page.
            MeterError: there is no page at that address, or it is too large.
        """
        connection = http.client.HTTPConnection(self._host, self._port, timeout=self._timeout_s)
        try:
            connection.request("GET", self._path, headers={"Accept": "text/plain;version=0.0.4"})
            response = connection.getresponse()
            page = self._body(response)
        except (OSError, http.client.HTTPException) as error:
            raise ReadingError(
                f"asked for {self.url}", f"it did not answer: {error!r}", "it is tried again"
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
                    f"asked for {self.url}",
                    f"the page is larger than {_MAX_PAGE_BYTES} bytes",
                    "give the address of the job's own metrics",
                )
        if response.length:
            raise http.client.IncompleteRead(b"", response.length)
        return bytes(page)

    def _refused(self, status: int) -> MeterError | ReadingError:
        asked, found = f"asked for {self.url}", f"it answered {status}"
        if status >= http.client.INTERNAL_SERVER_ERROR:
            return ReadingError(asked, found, "it is tried again")
        return MeterError(asked, found, "give the address of the job's metrics page")


def read_series(page: str, names: AbstractSet[str], where: str) -> dict[str, Series]:
    """All series of some metrics; a metric the page declares but has no series of is empty.

    Raises:
        MeterError: a line of one of them is not understood.
    """
    starts = tuple(names)
    found: defaultdict[str, Series] = defaultdict(list)
    for line in page.splitlines():
        if line.startswith("# TYPE "):
            _declare(line, names, found)
        if not line.startswith(starts):
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise MeterError(f"asked for {where}", f"its line {line!r} is not understood", FORMAT)
        name, labels, value = match.groups()
        if name in names:
            found[name].append((dict(_LABEL.findall(labels or "")), value))
    return found


def _declare(line: str, names: AbstractSet[str], found: defaultdict[str, Series]) -> None:
    _, _, name, *kind = line.split()
    parts = ("_bucket", "_sum", "_count") if kind == ["histogram"] else ("",)
    for part in parts:
        if f"{name}{part}" in names:
            found[f"{name}{part}"]  # makes an empty list where there is none yet


def number(text: str, where: str) -> float:
    """A value that is one.

    Raises:
        MeterError: it is no number, or NaN.
    """
    try:
        value = float(text)
    except ValueError as error:
        raise MeterError(f"asked for {where}", f"{text!r} is no number", FORMAT) from error
    if math.isnan(value):
        raise MeterError(f"asked for {where}", "a value is NaN", FORMAT)
    return value


def count(text: str, where: str) -> int:
    """A value that counts something.

    Raises:
        MeterError: it is no whole number from 0 up.
    """
    value = number(text, where)
    if not (math.isfinite(value) and value >= 0 and value == int(value)):
        raise MeterError(f"asked for {where}", f"{text!r} is no count", FORMAT)
    return int(value)


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
