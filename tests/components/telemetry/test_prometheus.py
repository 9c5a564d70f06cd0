from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest

from components.telemetry.errors import EndpointError, MeterError, ReadingError
from components.telemetry.prometheus import PrometheusLatency, parse_page

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = """\
# HELP joulepilot_image_latency_seconds Latency per image.
# TYPE joulepilot_image_latency_seconds histogram
joulepilot_image_latency_seconds_bucket{model="mlp",le="0.001"} 3
joulepilot_image_latency_seconds_bucket{model="mlp",le="0.01"} 5 1700000000000
joulepilot_image_latency_seconds_bucket{model="mlp",le="+Inf"} 6 # {trace_id="a b"} 1.5
joulepilot_image_latency_seconds_sum{model="mlp"} 2.5e-1
joulepilot_image_latency_seconds_count{model="mlp"} 6
# TYPE joulepilot_images_total counter
joulepilot_images_total 12.0
joulepilot_requests_received_total 7
joulepilot_image_latency_seconds_created 1.7e9
process_cpu_seconds_total NaN
"""


@contextmanager
def serving(status: int, page: bytes, declared: int | None = None) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(page) if declared is None else declared))
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/metrics"
        finally:
            server.shutdown()
            thread.join()


def test_a_page_becomes_a_snapshot() -> None:
    with serving(200, PAGE.encode()) as url:
        snapshot = PrometheusLatency(url).read()
    assert snapshot.bounds_s == (0.001, 0.01)
    assert snapshot.counts == (3, 2, 1)
    assert snapshot.sum_s == 0.25
    assert (snapshot.n_requests, snapshot.n_images, snapshot.n_received) == (6, 12, 7)


def test_buckets_in_any_order_are_sorted() -> None:
    lines = PAGE.splitlines()
    assert parse_page("\n".join(reversed(lines))) == parse_page(PAGE)


@pytest.mark.parametrize(
    "name",
    [
        "joulepilot_image_latency_seconds_bucket",
        "joulepilot_image_latency_seconds_sum",
        "joulepilot_image_latency_seconds_count",
        "joulepilot_images_total",
        "joulepilot_requests_received_total",
        'le="+Inf"',
    ],
)
def test_a_metric_that_is_absent_is_named(name: str) -> None:
    without = "\n".join(line for line in PAGE.splitlines() if name not in line)
    with pytest.raises(MeterError, match="the page does not have it") as refused:
        parse_page(without)
    assert name in str(refused.value)


def test_two_series_of_one_metric_are_refused_not_summed() -> None:
    other = PAGE + 'joulepilot_image_latency_seconds_count{model="other"} 1\n'
    with pytest.raises(MeterError, match="several series"):
        parse_page(other)


def test_a_page_read_between_two_updates_is_tried_again() -> None:
    torn = PAGE.replace('count{model="mlp"} 6', 'count{model="mlp"} 7')
    with pytest.raises(ReadingError, match="count is 7"):
        parse_page(torn)


def test_buckets_that_fall_are_tried_again() -> None:
    with pytest.raises(ReadingError):
        parse_page(PAGE.replace('le="0.001"} 3', 'le="0.001"} 9'))


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("joulepilot_images_total 12.0", "joulepilot_images_total twelve"),
        ("joulepilot_images_total 12.0", "joulepilot_images_total 12.5"),
        ("joulepilot_images_total 12.0", "joulepilot_images_total NaN"),
        ("joulepilot_images_total 12.0", "joulepilot_images_total -1"),
        ("joulepilot_images_total 12.0", "joulepilot_images_total +Inf"),
        ("joulepilot_images_total 12.0", "joulepilot_images_total"),
        ('le="0.001"', 'le="small"'),
    ],
)
def test_what_is_no_number_is_refused(right: str, wrong: str) -> None:
    with pytest.raises(MeterError):
        parse_page(PAGE.replace(right, wrong))


def test_a_server_that_is_not_there_is_tried_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(ReadingError, match="did not answer"):
        PrometheusLatency(f"http://127.0.0.1:{port}/metrics").read()


def test_a_server_that_hangs_is_left_after_the_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"http://127.0.0.1:{mute.getsockname()[1]}/metrics"
        with pytest.raises(ReadingError, match="did not answer"):
            PrometheusLatency(url, timeout_s=0.05).read()


def test_a_page_cut_short_is_tried_again() -> None:
    with serving(200, PAGE.encode(), len(PAGE) + 10) as url, pytest.raises(ReadingError):
        PrometheusLatency(url).read()


def test_a_server_that_is_not_ready_is_tried_again() -> None:
    with serving(503, b"starting") as url, pytest.raises(ReadingError, match="503"):
        PrometheusLatency(url).read()


def test_an_address_without_the_page_is_wrong_for_good() -> None:
    with serving(404, b"") as url, pytest.raises(MeterError, match="404"):
        PrometheusLatency(url).read()


def test_a_page_without_end_is_not_read() -> None:
    with serving(200, b"x" * 5_000_000) as url, pytest.raises(MeterError, match="larger"):
        PrometheusLatency(url).read()


@pytest.mark.parametrize("url", ["", "127.0.0.1:8002", "ftp://x/", "http://", "http://x:port/"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(EndpointError):
        PrometheusLatency(url)
