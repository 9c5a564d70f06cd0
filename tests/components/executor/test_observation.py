"""Windows of one job: when they open, grow, close, and what they never reach over."""

from __future__ import annotations

import pytest

from components.errors import TemporaryError
from components.executor.node_meter import NodeReading
from components.executor.observation import Demand, WindowObserver
from components.executor.window import JobReading
from components.jobs.target import Statistic, Target
from components.telemetry.meters import LatencySnapshot

BOUNDS_S = (0.005, 0.01, 0.02, 0.05, 0.1)


class Server:
    """Counts requests of one latency; time is what the test says."""

    def __init__(self) -> None:
        self.at_s = 0.0
        self.n = 0
        self.sum_s = 0.0
        self.counts = [0] * (len(BOUNDS_S) + 1)
        self.is_silent = False
        self.n_reads = 0

    def serve(self, n: int, latency_ms: float) -> None:
        bucket = sum(latency_ms / 1000 > bound for bound in BOUNDS_S)
        self.counts[bucket] += n
        self.n += n
        self.sum_s += n * latency_ms / 1000

    def read(self) -> JobReading:
        self.n_reads += 1
        if self.is_silent:
            raise TemporaryError("asked for a page", "nobody answers", "wait")
        snapshot = LatencySnapshot(BOUNDS_S, tuple(self.counts), self.sum_s, self.n, self.n, self.n)
        node = NodeReading(self.at_s, 100.0 * self.at_s, {0: 0.5 * self.at_s, 1: 0.0})
        return JobReading(node, 1e9 + self.at_s, snapshot, 0.5 * self.at_s, 0.5 * self.at_s, 0.0)


def demand(*, statistic: Statistic = Statistic.MEAN, **changes: object) -> Demand:
    fields: dict[str, object] = {
        "target": Target(10.0, statistic),
        "cpus": frozenset({0}),
        "plain_s": 10.0,
        "n_windows": 1,
        "min_requests": 100,
        "max_s": 60.0,
        "contended_share": 0.25,
    }
    return Demand(**(fields | changes))


@pytest.fixture
def server() -> Server:
    return Server()


def run(server: Server, observer: WindowObserver, seconds: int, rate: int, ms: float, **more):
    """Serve and tick for some seconds; the windows that closed."""
    closed = []
    for _ in range(seconds):
        window = observer.tick(server.at_s, demand(**more))
        if window is not None:
            closed.append(window)
        server.serve(rate, ms)
        server.at_s += 1.0
    return closed


def test_a_window_closes_after_its_length_and_the_next_begins_where_it_ended(server):
    windows = run(server, WindowObserver(server.read), 31, 20, 8.0)

    assert [w.elapsed_s for w in windows] == [10.0, 10.0, 10.0]
    assert [w.start.timestamp() - 1e9 for w in windows] == [0.0, 10.0, 20.0]
    assert windows[0].statistic_ms(Target(10.0)) == pytest.approx(8.0)
    assert windows[0].power_w == pytest.approx(100.0)
    assert windows[0].cpu_utilization == pytest.approx((0.5, 0.0))
    assert windows[0].n_windows == 1.0


def test_between_its_ends_the_page_of_a_settled_job_is_not_read(server):
    run(server, WindowObserver(server.read), 31, 20, 8.0)

    assert server.n_reads == 4


def test_a_window_with_too_few_requests_grows_until_it_can_be_judged(server):
    (window,) = run(server, WindowObserver(server.read), 28, 4, 8.0)

    assert window.elapsed_s == 25.0
    assert window.is_judgeable
    assert window.n_windows == 1.0  # worth by its requests, not by its length


def test_a_quantile_needs_more_requests_than_the_mean(server):
    (window,) = run(server, WindowObserver(server.read), 22, 20, 8.0, statistic=Statistic.P95)

    assert window.elapsed_s == 20.0


def test_a_window_that_never_can_be_judged_is_closed_as_it_is(server):
    (window,) = run(server, WindowObserver(server.read), 62, 1, 8.0)

    assert window.elapsed_s == 60.0
    assert not window.is_judgeable


def test_after_a_change_the_time_of_settling_belongs_to_no_window(server):
    observer = WindowObserver(server.read)
    run(server, observer, 5, 20, 80.0)

    observer.restart(server.at_s + 2.0)
    run(server, observer, 2, 20, 80.0)
    (window,) = run(server, observer, 12, 20, 8.0)

    assert window.start.timestamp() - 1e9 == 7.0
    assert window.statistic_ms(Target(10.0)) == pytest.approx(8.0)


def test_a_probe_is_cut_short_as_soon_as_it_clearly_misses(server):
    (window,) = run(server, WindowObserver(server.read), 4, 20, 30.0, cut_log_sigma=0.02)

    assert window.cut_short
    assert window.elapsed_s == 2.0
    assert window.n_windows < 1


def test_a_probe_that_misses_by_little_is_measured_to_its_end(server):
    (window,) = run(server, WindowObserver(server.read), 11, 20, 10.5, cut_log_sigma=0.02)

    assert not window.cut_short
    assert window.elapsed_s == 10.0


def test_a_restarted_server_begins_a_new_window(server):
    observer = WindowObserver(server.read)
    run(server, observer, 15, 20, 8.0)
    server.n, server.sum_s, server.counts = 0, 0.0, [0] * (len(BOUNDS_S) + 1)

    (window,) = run(server, observer, 17, 20, 9.0)

    assert window.start.timestamp() - 1e9 == 20.0
    assert window.statistic_ms(Target(10.0)) == pytest.approx(9.0)


def test_a_silent_server_is_asked_less_often_and_its_silence_is_counted(server):
    observer = WindowObserver(server.read)
    run(server, observer, 5, 20, 8.0)
    server.is_silent = True
    before = server.n_reads

    run(server, observer, 60, 20, 8.0)

    assert server.n_reads - before < 20
    assert observer.failing_s(server.at_s) > 50
    assert "nobody answers" in observer.error
    server.is_silent = False
    run(server, observer, 15, 20, 8.0)
    assert observer.error is None
    assert observer.failing_s(server.at_s) == 0.0


def test_an_interruption_keeps_what_can_be_judged_already_and_nothing_less(server):
    early, late = WindowObserver(server.read), WindowObserver(server.read)
    run(server, early, 3, 20, 8.0)
    assert early.interrupt(server.at_s, demand()) is None

    run(server, late, 8, 20, 8.0)
    window = late.interrupt(server.at_s, demand())

    assert window.elapsed_s == 8.0
    assert window.is_judgeable
