import gzip
import socket
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)

from components.inference_server.otlp_metrics import OtlpLatency


@pytest.fixture
def collector():
    """A receiver of OTLP metrics; yields its URL and the requests it got."""
    got = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            got.append((self.path, ExportMetricsServiceRequest.FromString(body)))
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.end_headers()
            self.wfile.write(ExportMetricsServiceResponse().SerializeToString())

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", got
    server.shutdown()
    server.server_close()
    thread.join()


def _metrics(request):
    (resource,) = request.resource_metrics
    return {metric.name: metric for metric in resource.scope_metrics[0].metrics}


def test_latency_leaves_as_exponential_histograms_in_seconds(collector):
    url, got = collector
    latency = OtlpLatency(url + "/", model="mobilenet", batch_size=4)
    for request_s in (0.020, 0.028):
        latency.observe(request_s, HTTPStatus.OK, 4)
    latency.observe(0.001, HTTPStatus.SERVICE_UNAVAILABLE, 0)
    latency.close()

    path, request = got[-1]
    assert path == "/v1/metrics"
    metrics = _metrics(request)
    image = metrics["joulepilot.image.latency"]
    assert image.unit == "s"
    (point,) = image.exponential_histogram.data_points
    assert (point.count, point.sum) == (2, pytest.approx(0.012))
    assert (point.min, point.max) == (pytest.approx(0.005), pytest.approx(0.007))
    duration = metrics["http.server.request.duration"]
    by_status = {
        next(a.value.int_value for a in p.attributes if a.key == "http.response.status_code"): p
        for p in duration.exponential_histogram.data_points
    }
    assert {status: point.count for status, point in by_status.items()} == {200: 2, 503: 1}
    assert by_status[200].sum == pytest.approx(0.048)


def test_a_receiver_that_is_away_delays_nobody():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    latency = OtlpLatency(f"http://127.0.0.1:{port}", model="m", batch_size=1)
    for _ in range(1000):
        latency.observe(0.01, HTTPStatus.OK, 1)
    latency.close()
