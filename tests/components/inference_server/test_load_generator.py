import socket
import threading
import time

import pytest

from components.inference_server.errors import LoadError
from components.inference_server.load_generator import LoadGenerator
from components.inference_server.load_plan import LoadPlan, RateFile, destination


def _unused_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def _wait_until(claim, timeout_s=10.0):
    deadline = time.monotonic() + timeout_s
    while not claim():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.005)


def _is_balanced(report):
    return (
        report.due == report.sent + report.could_not_send
        and report.sent == report.answered + report.failed
    )


class Steered:
    """A load that runs in a thread until told to stop."""

    def __init__(self, plan):
        self.generator = LoadGenerator(plan)
        self.report = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        self.report = self.generator.run()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.generator.stop()
        self._thread.join()


def test_everything_sent_is_answered_and_counted_alike_on_both_sides(serve):
    server = serve()
    plan = LoadPlan(url=server.url, rate_per_s=150, batch_size=2, seconds=1.0, seed=3)
    report = LoadGenerator(plan).run()
    counts = server.service.counters.counts()
    assert 100 < report.due < 200
    assert report.due == report.answered == counts.n_received == counts.n_answered
    assert counts.n_images == 2 * report.answered
    assert _is_balanced(report)
    latency_ms = report.as_json()["latency_ms"]
    assert 0 < latency_ms["p50"] <= latency_ms["p95"] <= latency_ms["p99"]


def test_the_same_seed_asks_for_the_same_number_of_requests(serve):
    server = serve()
    plan = LoadPlan(url=server.url, rate_per_s=100, seconds=0.5, seed=8)
    first, second = LoadGenerator(plan).run(), LoadGenerator(plan).run()
    assert abs(first.due - second.due) <= 1  # the end of the half second is not seeded


def test_a_server_that_stands_still_shows_in_latency_from_when_requests_were_due(serve):
    server = serve()
    with Steered(LoadPlan(url=server.url, rate_per_s=100, seed=1)) as load:
        _wait_until(lambda: server.service.counters.counts().n_answered >= 5)
        with server.service._turnstile.turn():
            _wait_until(lambda: server.service._turnstile.n_waiting >= 20)
    assert _is_balanced(load.report)
    assert load.report.answered == load.report.sent  # the last one due may find the load ended
    assert load.report.latency.largest_s() > 0.1
    assert load.report.latency.quantile_s(0.1) < load.report.latency.largest_s() / 2


def test_refusals_of_a_full_queue_are_failures_by_status(serve):
    server = serve(max_waiting=1)
    with (
        Steered(LoadPlan(url=server.url, rate_per_s=200, seed=1)) as load,
        server.service._turnstile.turn(),
    ):
        _wait_until(lambda: server.service.counters.counts().n_refused >= 5)
    assert _is_balanced(load.report)
    assert load.report.statuses[503] == load.report.failed >= 5


def test_requests_without_a_free_connection_count_as_not_sent(serve):
    server = serve()
    plan = LoadPlan(url=server.url, rate_per_s=100, max_connections=1, patience_s=0.05, seed=1)
    with Steered(plan) as load, server.service._turnstile.turn():
        _wait_until(lambda: load.generator._report.could_not_send >= 5)
    assert _is_balanced(load.report)
    assert server.service.counters.counts().n_received == load.report.sent


def test_a_server_that_is_away_is_reported_and_does_not_stop_the_load():
    url = f"http://127.0.0.1:{_unused_port()}"
    plan = LoadPlan(url=url, rate_per_s=100, seconds=0.4, patience_s=0.1)
    report = LoadGenerator(plan).run()
    assert report.due == report.could_not_send > 10
    assert report.as_json()["latency_ms"]["p50"] is None


def test_a_server_that_comes_back_is_found_again(serve):
    first = serve()
    with Steered(LoadPlan(url=first.url, rate_per_s=100, patience_s=0.05)) as load:
        _wait_until(lambda: first.service.counters.counts().n_answered >= 5)
        first.hang_up()
        _wait_until(lambda: load.generator._report.could_not_send >= 3)
        answered_before = load.generator._report.answered
        address = first.server_address
        second = type(first)(address, first.service)
        thread = threading.Thread(target=second.serve_forever, args=(0.01,))
        thread.start()
        try:
            _wait_until(lambda: load.generator._report.answered > answered_before + 5)
        finally:
            load.generator.stop()
            second.hang_up()
            thread.join()
    assert _is_balanced(load.report)


def test_an_answer_that_never_comes_is_a_failure_after_the_timeout():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        plan = LoadPlan(url=url, rate_per_s=50, seconds=0.2, timeout_s=0.2)
        report = LoadGenerator(plan).run()
    assert report.sent == report.failed > 0
    assert _is_balanced(report)


@pytest.mark.parametrize("answer", [b"HTTP/1.1 200 OK\r\n\r\n", b"hello\r\n\r\n", b""])
def test_an_answer_nobody_understands_is_a_failure(answer):
    with socket.create_server(("127.0.0.1", 0)) as odd:
        url = f"http://127.0.0.1:{odd.getsockname()[1]}"
        with Steered(LoadPlan(url=url, rate_per_s=200, max_connections=1, seed=1)) as load:
            connection, _ = odd.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(answer)
                connection.shutdown(socket.SHUT_WR)
                _wait_until(lambda: load.generator._report.failed >= 1)
            load.generator.stop()
            odd.close()
    assert _is_balanced(load.report)
    assert load.report.answered == 0


def test_the_rate_file_steers_the_load_and_zero_pauses_it(serve, tmp_path):
    server, path = serve(), tmp_path / "rate"
    path.write_text("0\n")

    def write(rate):
        (tmp_path / "new").write_text(rate)
        (tmp_path / "new").replace(path)

    def received():
        return server.service.counters.counts().n_received

    with Steered(LoadPlan(url=server.url, rate_file=RateFile(path))) as load:
        write("200")
        _wait_until(lambda: received() >= 10)
        write("0")
        _wait_until(lambda: load.generator._arrivals.rate_per_s == 0)
        _wait_until(lambda: load.generator._report.due == received())
        paused_at = received()
        write("no number")
        _wait_until(lambda: load.generator._plan.rate_file._seen[1] == len("no number"))
        assert received() == paused_at
        write("200")
        _wait_until(lambda: received() > paused_at + 5)
    assert _is_balanced(load.report)


def test_a_rate_file_is_read_once_for_each_writing(tmp_path):
    path = tmp_path / "rate"
    path.write_text("12.5")
    rate_file = RateFile(path)
    assert rate_file.changed_rate() == 12.5
    assert rate_file.changed_rate() is None
    path.write_text("-12.25")
    with pytest.raises(LoadError):
        rate_file.changed_rate()
    assert rate_file.changed_rate() is None


def test_a_rate_file_that_is_not_there_is_an_error_at_the_start(tmp_path):
    plan = LoadPlan(url="http://127.0.0.1:8002", rate_file=RateFile(tmp_path / "rate"))
    with pytest.raises(LoadError, match="write one number, requests per second"):
        LoadGenerator(plan)


@pytest.mark.parametrize(
    "url", ["127.0.0.1:8002", "https://127.0.0.1", "http://", "http://127.0.0.1:99999", ""]
)
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(LoadError, match="asked to load"):
        destination(LoadPlan(url=url))


@pytest.mark.parametrize(
    ("numbers", "found"),
    [
        ({"batch_size": 0}, "--batch is not 1 or more"),
        ({"max_connections": 0}, "--connections is not 1 to 512"),
        ({"max_connections": 1000}, "--connections is not 1 to 512"),
        ({"seconds": 0.0}, "--seconds is not more than 0"),
        ({"timeout_s": -1.0}, "--timeout-s is not more than 0"),
    ],
)
def test_numbers_out_of_range_are_refused(numbers, found):
    with pytest.raises(LoadError, match=found):
        LoadPlan(url="http://127.0.0.1:8002", **numbers)


def test_a_request_names_its_path_host_and_batch():
    found = destination(LoadPlan(url="http://127.0.0.1:8002", batch_size=8))
    assert found.address == ("127.0.0.1", 8002)
    assert found.request.startswith(b"POST /v1/infer HTTP/1.1\r\nHost: 127.0.0.1:8002\r\n")
    assert b"X-Batch-Size: 8\r\n" in found.request
    other = destination(LoadPlan(url="http://127.0.0.1:8002/v2/go"))
    assert other.request.startswith(b"POST /v2/go ")
