"""Pushes latency as OTLP metrics; the one file of the server that knows the OpenTelemetry SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation
from opentelemetry.sdk.resources import Resource

if TYPE_CHECKING:
    from http import HTTPStatus

EXPORT_EVERY_S = 5.0
_TIMEOUT_S = 3.0
_MS = 1000


class OtlpLatency:
    """Exports `joulepilot.image.latency` and `http.server.request.duration` every few seconds.

    Exponential histograms in seconds; a receiver that is away costs exports, never requests.
    """

    def __init__(self, endpoint: str, model: str, batch_size: int) -> None:
        """Begin to export to `{endpoint}/v1/metrics`."""
        exporter = OTLPMetricExporter(
            endpoint=f"{endpoint.rstrip('/')}/v1/metrics",
            timeout=_TIMEOUT_S,
            preferred_aggregation={Histogram: ExponentialBucketHistogramAggregation()},
        )
        reader = PeriodicExportingMetricReader(
            exporter, export_interval_millis=EXPORT_EVERY_S * _MS
        )
        resource = Resource.create({"service.name": "joulepilot-inference-server"})
        self._provider = MeterProvider([reader], resource, shutdown_on_exit=False)
        meter = self._provider.get_meter("joulepilot.inference_server")
        self._image_latency = meter.create_histogram(
            "joulepilot.image.latency",
            unit="s",
            description="Request latency, waiting included, divided by the request's images.",
        )
        self._request_duration = meter.create_histogram(
            "http.server.request.duration",
            unit="s",
            description="Duration of HTTP server requests.",
        )
        self._image_attributes: dict[str, str | int] = {
            "joulepilot.model": model,
            "joulepilot.batch_size": batch_size,
        }

    def observe(self, request_s: float, status: HTTPStatus, n_images: int) -> None:
        """Take one request; `n_images` is 0 where none was answered."""
        attributes: dict[str, str | int] = {
            "http.request.method": "POST",
            "http.route": "/v1/infer",
            "http.response.status_code": int(status),
            "url.scheme": "http",
        }
        self._request_duration.record(request_s, attributes)
        if n_images:
            self._image_latency.record(request_s / n_images, self._image_attributes)

    def close(self) -> None:
        """Export what is left and stop."""
        self._provider.shutdown(timeout_millis=_TIMEOUT_S * _MS)
