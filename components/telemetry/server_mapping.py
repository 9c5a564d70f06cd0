"""How the pages of servers that nobody changed for us are read: a declaration a server.

A job selects one by its `metrics`, as in `mlserver:8082/metrics`; `prometheus:` is our own page.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from components.telemetry.errors import MeterError

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Series:
    """Some of the series of a metric: those whose labels match, added up."""

    name: str
    having: Mapping[str, str] = field(default_factory=dict)
    """A regular expression for the whole value of a label, by the label's name."""

    def fits(self, labels: Mapping[str, str]) -> bool:
        """Whether a series is one of them."""
        return all(
            re.fullmatch(pattern, labels.get(name, "")) for name, pattern in self.having.items()
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerMapping:
    """Which series of a page mean what."""

    name: str
    """As `metrics` says it."""
    histogram: Series | None
    """Latency of answered requests: its buckets, sum and count; None: the page has none."""
    duration_sum: Series | None = None
    """Where there is no histogram: the time of all answered requests."""
    answered: Series | None = None
    """Where there is no histogram: how many they are."""
    unit_s: float = 1.0
    """Seconds in a unit of the page's latencies."""
    is_per_image: bool = False
    """Whether latencies are divided by images already; else the job's batch size does."""
    images: Series | None = None
    """None: requests times the job's batch size."""
    received: tuple[Series, ...] = ()
    """Added up: all that arrived. Empty: those that were answered."""
    appears_late: bool = False
    """Whether series appear with the first request only: until then there is none to read."""
    model_label: str | None = None
    """Label that tells models of one server apart."""

    @property
    def names(self) -> frozenset[str]:
        """Names of all series on a page that matter."""
        histogram = self.histogram
        parts = () if histogram is None else ("_bucket", "_sum", "_count")
        plain = (self.duration_sum, self.answered, self.images, *self.received)
        return frozenset(
            [f"{histogram.name}{part}" for part in parts if histogram is not None]
            + [series.name for series in plain if series is not None]
        )


OURS = ServerMapping(
    name="prometheus",
    histogram=Series("joulepilot_image_latency_seconds"),
    is_per_image=True,
    images=Series("joulepilot_images_total"),
    received=(Series("joulepilot_requests_received_total"),),
)

_INFER = {"method": "POST", "path": r"/v2/models/.*/infer"}
MLSERVER = ServerMapping(
    name="mlserver",
    # what REST clients wait for; `model_infer_request_duration` leaves out the wait for the loop
    histogram=Series("rest_server_request_duration_seconds", {**_INFER, "status_code": "2.."}),
    received=(Series("rest_server_requests_total", _INFER),),
    appears_late=True,
)

TRITON = ServerMapping(
    name="triton",
    histogram=None,
    duration_sum=Series("nv_inference_request_duration_us"),
    answered=Series("nv_inference_request_success"),
    unit_s=1e-6,
    images=Series("nv_inference_count"),
    received=(Series("nv_inference_request_success"), Series("nv_inference_request_failure")),
    model_label="model",
)

VLLM = ServerMapping(
    name="vllm",
    histogram=Series("vllm:e2e_request_latency_seconds"),
    model_label="model_name",
)

MAPPINGS: Mapping[str, ServerMapping] = {
    mapping.name: mapping for mapping in (OURS, MLSERVER, TRITON, VLLM)
}


def mapping_of(metrics: str) -> tuple[ServerMapping, str]:
    """The declaration that a job's `metrics` selects, and `PORT/PATH` of the page.

    Raises:
        MeterError: there is none of that name.
    """
    name, _, where = metrics.partition(":")
    mapping = MAPPINGS.get(name)
    if mapping is None or not where:
        raise MeterError(
            f"asked to read latencies from {metrics!r}",
            f"no server is declared as {name!r}",
            f"write NAME:PORT/PATH with one of {', '.join(MAPPINGS)}",
        )
    return mapping, where
