import http.client
import json
import socket
import threading
import time
from contextlib import closing
from http import HTTPStatus

import numpy as np
import pytest

from components.inference_server.errors import ListenError
from components.inference_server.http_server import InferenceHTTPServer
from components.inference_server.random_images import RandomImages

IMAGE_BYTES = 3 * 32 * 32 * 4


def _connect(server):
    return closing(http.client.HTTPConnection(*server.server_address, timeout=10))


def _ask(server, method, path, body=None, headers=None):
    with _connect(server) as connection:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def _infer(server, path="/v1/infer", body=None, headers=None):
    status, text = _ask(server, "POST", path, body, headers)
    return status, json.loads(text)


def _wait_until(claim, timeout_s=10.0):
    deadline = time.monotonic() + timeout_s
    while not claim():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.002)


def test_images_sent_are_classified_as_the_network_does(serve, network):
    server = serve()
    images = RandomImages(network.facts.image_shape, seed=9).batch(5)
    status, answer = _infer(server, body=images.tobytes())
    assert status == 200
    assert answer["classes"] == network.session(1).run(images).argmax(axis=1).tolist()
    assert answer["images"] == 5
    assert answer["latency_ms"] > 0


def test_an_empty_request_is_answered_for_the_same_seeded_images_each_time(serve, network):
    server = serve(seed=4)
    images = RandomImages(network.facts.image_shape, seed=4).batch(6)
    expected = network.session(1).run(images).argmax(axis=1).tolist()
    assert _infer(server, "/v1/infer?batch=6")[1]["classes"] == expected
    assert _infer(server, headers={"X-Batch-Size": "3"})[1]["classes"] == expected[:3]


def test_the_batch_is_that_of_the_query_then_the_header_then_the_server(serve):
    server = serve(batch_size=3)
    both = _infer(server, "/v1/infer?batch=2", headers={"X-Batch-Size": "5"})
    assert both[1]["images"] == 2
    assert _infer(server, headers={"X-Batch-Size": "5"})[1]["images"] == 5
    assert _infer(server)[1]["images"] == 3


@pytest.mark.parametrize(
    ("path", "n_bytes", "found"),
    [
        ("/v1/infer", 5, "12288 bytes"),
        ("/v1/infer", IMAGE_BYTES + 4, "12288 bytes"),
        ("/v1/infer?batch=3", 2 * IMAGE_BYTES, "as 3 images"),
        ("/v1/infer", 9 * IMAGE_BYTES, "send 1 to 8 whole images"),
        ("/v1/infer?batch=9", 0, "takes 1 to 8"),
        ("/v1/infer?batch=0", 0, "takes 1 to 8"),
        ("/v1/infer?batch=0", IMAGE_BYTES, "as 0 images"),
        ("/v1/infer?batch=-1", 0, "no whole number"),
        ("/v1/infer?batch=many", 0, "no whole number"),
    ],
)
def test_what_does_not_fit_the_network_is_rejected_with_what_would(serve, path, n_bytes, found):
    server = serve(max_batch_size=8)
    status, answer = _infer(server, path, bytes(n_bytes))
    assert status == 400
    assert found in answer["error"]
    assert server.service.counters.counts().n_answered == 0
    assert _infer(server)[0] == 200


def test_pixels_that_are_no_numbers_are_rejected(serve):
    server = serve()
    status, answer = _infer(server, body=np.full(IMAGE_BYTES // 4, np.nan, "<f4").tobytes())
    assert status == 400
    assert "not finite" in answer["error"]
    assert server.service.counters.counts().n_rejected == 1


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ("Transfer-Encoding: chunked", 411),
        ("Content-Length: -5", 400),
        ("Content-Length: ten", 400),
        ("Content-Length: 999999999999", 413),
        ("Content-Length: " + "9" * 5000, 413),
    ],
)
def test_a_body_of_no_known_or_too_great_length_ends_the_connection(serve, headers, status):
    server = serve()
    with socket.create_connection(server.server_address, timeout=10) as connection:
        connection.sendall(f"POST /v1/infer HTTP/1.1\r\nHost: x\r\n{headers}\r\n\r\n".encode())
        answer = connection.makefile("rb").read()
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"Connection: close" in answer


def test_a_client_that_leaves_in_the_middle_of_a_body_harms_nobody(serve):
    server = serve()
    with socket.create_connection(server.server_address, timeout=10) as connection:
        connection.sendall(b"POST /v1/infer HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc")
    assert _infer(server)[0] == 200
    assert server.service.wait_until_idle(timeout_s=10)


def test_unknown_paths_are_answered_with_those_there_are(serve):
    server = serve()
    for method in ("GET", "POST"):
        status, text = _ask(server, method, "/v2/infer")
        assert status == 404
        assert "POST /v1/infer" in text
    assert server.service.counters.counts().n_received == 0


def test_a_connection_is_kept_for_many_requests(serve):
    server = serve()
    with _connect(server) as connection:
        for _ in range(3):
            connection.request("POST", "/v1/infer")
            own_port = connection.sock.getsockname()[1]
            assert connection.getresponse().read()
            assert connection.sock.getsockname()[1] == own_port


def test_it_is_alive_but_not_ready_while_it_warms(serve, network):
    server = serve(warm=False)
    assert _ask(server, "GET", "/healthz")[0] == 200
    assert _ask(server, "GET", "/readyz")[0] == 503
    status, answer = _infer(server)
    assert status == 503
    assert "still warming up" in answer["error"]
    status, page = _ask(server, "GET", "/metrics")
    assert status == 200
    assert "\njoulepilot_server_ready 0\n" in page
    assert "\njoulepilot_requests_received_total 1\n" in page
    assert "\njoulepilot_requests_refused_total 1\n" in page


def test_the_metrics_page_counts_the_request_its_images_and_its_waiting(serve):
    server = serve()
    for _ in range(3):
        _infer(server, "/v1/infer?batch=4")
    page = _ask(server, "GET", "/metrics")[1]
    assert "\njoulepilot_image_latency_seconds_count 3\n" in page
    assert "\njoulepilot_images_total 12\n" in page
    assert "\njoulepilot_requests_received_total 3\n" in page
    assert 'joulepilot_server_info{model="mlp-small",device="cpu",batch="1"' in page


def test_waiting_for_a_turn_counts_as_latency(serve):
    server = serve()
    done = []
    with server.service._turnstile.turn():
        asking = threading.Thread(target=lambda: done.append(_infer(server)))
        asking.start()
        _wait_until(lambda: server.service._turnstile.n_waiting == 1)
        held_from_s = time.perf_counter()
        _wait_until(lambda: time.perf_counter() - held_from_s > 0.05)
    asking.join()
    assert done[0][0] == 200
    assert done[0][1]["latency_ms"] > 50
    assert server.service.counters.counts().latency_sum_s > 0.05


def test_a_full_queue_refuses_and_a_drain_answers_those_that_wait(serve):
    server = serve(max_waiting=2)
    service, done = server.service, []
    with service._turnstile.turn():
        asking = [threading.Thread(target=lambda: done.append(_infer(server))) for _ in range(2)]
        for thread in asking:
            thread.start()
        _wait_until(lambda: service._turnstile.n_waiting == 2)
        status, answer = _infer(server)
        assert (status, "2 requests wait already" in answer["error"]) == (503, True)
        service.begin_drain()
        status, answer = _infer(server)
        assert (status, "it is draining" in answer["error"]) == (503, True)
        assert _ask(server, "GET", "/readyz")[0] == 503
        assert not service.wait_until_idle(timeout_s=0.05)
    assert service.wait_until_idle(timeout_s=10)
    for thread in asking:
        thread.join()
    assert [status for status, _ in done] == [200, 200]
    counts = service.counters.counts()
    assert (counts.n_received, counts.n_answered, counts.n_refused) == (4, 2, 2)


def test_a_drain_tells_clients_that_the_connection_ends(serve):
    server = serve()
    with _connect(server) as connection:
        connection.request("POST", "/v1/infer")
        assert connection.getresponse().read()
        server.service.begin_drain()
        connection.request("GET", "/readyz")
        assert connection.getresponse().getheader("Connection") == "close"


def test_warming_that_ends_during_the_drain_does_not_open_the_server(serve, network):
    server = serve(warm=False)
    server.service.begin_drain()
    server.service.open(network.facts, follower=None)
    assert _infer(server)[0] == 503


def test_a_port_in_use_is_an_error_that_says_so(serve):
    server = serve()
    with pytest.raises(ListenError, match=r"the port is in use; choose another with --port"):
        InferenceHTTPServer(server.server_address, server.service)


@pytest.mark.parametrize("address", [("192.0.2.1", 8002), ("127.0.0.1", 99999)])
def test_an_address_that_is_not_ours_is_an_error(serve, address):
    with pytest.raises(ListenError, match=f"asked to listen on {address[0]}:{address[1]}"):
        InferenceHTTPServer(address, serve().service)


def test_the_observer_hears_of_answers_and_refusals(serve):
    heard = []
    server = serve(observe=lambda *facts: heard.append(facts), max_batch_size=8)
    _infer(server, "/v1/infer?batch=2")
    _wait_until(lambda: len(heard) == 1)
    _infer(server, "/v1/infer?batch=99")
    _wait_until(lambda: len(heard) == 2)
    assert [facts[1:] for facts in heard] == [(HTTPStatus.OK, 2), (HTTPStatus.BAD_REQUEST, 0)]
    assert all(0 < facts[0] < 10 for facts in heard)
