import re
import threading
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.inference_server.counters import BOUNDS_S, Counters
from components.inference_server.metrics_page import ServerFacts, metrics_page

FACTS = ServerFacts(
    model="mlp-small",
    batch_size=4,
    cpuset="0-1",
    n_threads=2,
    n_thread_switches=3,
    n_waiting=1,
    is_ready=True,
)


def _values(page):
    return dict(re.findall(r"^([a-z_]+(?:\{[^}]*\})?) (\S+)$", page, re.MULTILINE))


def test_bounds_reach_from_half_a_millisecond_to_two_seconds_in_steps_below_ten_percent():
    assert (BOUNDS_S[0], BOUNDS_S[-1]) == (0.0005, 2.0)
    assert all(low < high <= 1.1 * low for low, high in pairwise(BOUNDS_S))


@given(st.lists(st.tuples(st.floats(0, 10), st.integers(1, 64)), max_size=20))
def test_the_page_counts_every_request_in_the_bucket_of_its_latency_per_image(requests):
    counters = Counters()
    for request_s, n_images in requests:
        counters.received()
        counters.answered(request_s, n_images)
    values = _values(metrics_page(counters.counts(), FACTS))
    name = "joulepilot_image_latency_seconds"
    latencies = [request_s / n_images for request_s, n_images in requests]
    for bound in BOUNDS_S:
        at_most = sum(latency <= bound for latency in latencies)
        assert int(values[f'{name}_bucket{{le="{bound!r}"}}']) == at_most
    assert int(values[f'{name}_bucket{{le="+Inf"}}']) == len(requests)
    assert int(values[f"{name}_count"]) == len(requests)
    assert float(values[f"{name}_sum"]) == pytest.approx(sum(latencies))
    assert int(values["joulepilot_images_total"]) == sum(n for _, n in requests)
    assert int(values["joulepilot_requests_received_total"]) == len(requests)


def test_counting_from_many_threads_loses_nothing():
    counters = Counters()

    def count():
        for _ in range(500):
            counters.received()
            counters.answered(0.004, 2)

    threads = [threading.Thread(target=count) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counts = counters.counts()
    assert (counts.n_received, counts.n_answered, counts.n_images) == (3000, 3000, 6000)


def test_the_page_shows_what_the_server_follows():
    values = _values(metrics_page(Counters().counts(), FACTS))
    assert values["joulepilot_server_threads"] == "2"
    assert values["joulepilot_server_thread_switches_total"] == "3"
    info = 'joulepilot_server_info{model="mlp-small",device="cpu",batch="4",cpuset="0-1"}'
    assert values[info] == "1"


def test_every_series_is_named_with_its_type_before_it():
    typed, kind = set(), re.compile(r"# TYPE (\S+) (?:counter|gauge|histogram)$")
    for line in metrics_page(Counters().counts(), FACTS).splitlines():
        if match := kind.match(line):
            typed.add(match[1])
        elif not line.startswith("#"):
            name = re.split(r"[{ ]", line)[0]
            assert {name, re.sub(r"_(bucket|sum|count)$", "", name)} & typed, line
