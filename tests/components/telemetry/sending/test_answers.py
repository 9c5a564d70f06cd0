"""What becomes of samples by what the hub answers."""

from __future__ import annotations

import gzip
import threading
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest

from components.telemetry.otlp_in import decode_events
from components.telemetry.wire import response_bytes, status_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from components.telemetry.otlp_out import EventPublisher
    from components.telemetry.sample import Sample

    Until = Callable[[Callable[[], bool]], None]


class Answering:
    """A receiver that gives the answers it was told, in order, the last one for ever."""

    def __init__(self, *answers: tuple[int, bytes]) -> None:
        self.answers = list(answers)
        self.bodies: list[bytes] = []

    @contextmanager
    def serving(self) -> Iterator[str]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, answer = outer.answers[min(len(outer.bodies), len(outer.answers) - 1)]
                outer.bodies.append(body)
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                if status == 429:
                    self.send_header("Retry-After", "0")
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        with HTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            try:
                yield f"http://127.0.0.1:{server.server_port}"
            finally:
                server.shutdown()
                thread.join()


def test_what_the_hub_refuses_is_counted_and_not_sent_again(
    until: Until,
    sample: Sample,
    publisher_to: Callable[[str], EventPublisher],
) -> None:
    receiver = Answering((400, status_bytes(3, "damaged, says the hub")), (200, b""))
    with receiver.serving() as url:
        publisher = publisher_to(url)
        one, two = sample, replace(sample, job="another")
        publisher.sample(one)
        until(lambda: publisher.stats.n_refused == 1)
        assert "damaged, says the hub" in (publisher.stats.last_trouble or "")
        publisher.sample(two)
        until(lambda: publisher.stats.n_sent == 1)
        publisher.close()
    assert len(receiver.bodies) == 2
    assert publisher.stats.last_trouble is None


def test_rejected_records_of_a_taken_body_are_counted(
    until: Until,
    sample: Sample,
    publisher_to: Callable[[str], EventPublisher],
) -> None:
    with Answering((200, response_bytes(1, "one is strange"))).serving() as url:
        publisher = publisher_to(url)
        publisher.sample(sample)
        until(lambda: publisher.stats.n_refused == 1)
        publisher.close()
    assert publisher.stats.n_sent == 0
    assert publisher.stats.last_trouble == "one is strange"


@pytest.mark.parametrize("status", [429, 503])
def test_a_hub_that_cannot_take_it_now_gets_it_later(
    until: Until,
    sample: Sample,
    publisher_to: Callable[[str], EventPublisher],
    status: int,
) -> None:
    receiver = Answering((status, b"later"), (200, b""))
    with receiver.serving() as url:
        publisher = publisher_to(url)
        publisher.sample(sample)
        until(lambda: publisher.stats.n_sent == 1)
        publisher.close()
    first, second = receiver.bodies
    assert first == second
    [event] = decode_events(gzip.decompress(first), "application/x-protobuf")
    assert event.resource == {"host.name": "edge-01", "service.name": "joulepilot-node"}
    assert event.time == sample.window_start + timedelta(seconds=10)


def test_a_disk_that_fails_costs_no_sample_while_memory_lasts(
    until: Until,
    tmp_path: Path,
    sample: Sample,
    publisher_to: Callable[[str], EventPublisher],
) -> None:
    receiver = Answering((200, b""))
    (tmp_path / "buffer").write_text("no folder")
    with receiver.serving() as url:
        publisher = publisher_to(url)
        publisher.sample(sample)
        until(lambda: "cannot be written" in (publisher.stats.last_trouble or ""))
        (tmp_path / "buffer").unlink()
        until(lambda: publisher.stats.n_sent == 1)
        publisher.close()
