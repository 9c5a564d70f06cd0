"""Sends requests when they are due, whether or not earlier ones were answered (open loop).

One thread, one `select`: a request costs about 0.1 ms of CPU, so that the load hardly disturbs
the server it shares two CPUs with. `select` because epoll rounds its time-out up to whole
milliseconds, by which requests would leave late.
"""

from __future__ import annotations

import logging
import math
import select
import time
from collections import deque

from components.inference_server.arrivals import Arrivals
from components.inference_server.connection import Connection, Progress
from components.inference_server.errors import LoadError
from components.inference_server.load_plan import LoadPlan, destination
from components.inference_server.load_report import LoadReport

_LOOK_EVERY_S = 0.1  # at the rate file, the stop request and the time-outs
_RECONNECT_AFTER_S = 0.2

_log = logging.getLogger(__name__)


class LoadGenerator:
    """Runs one plan; `stop` may be called from a signal handler or another thread."""

    def __init__(self, plan: LoadPlan) -> None:
        """Resolve the plan's address.

        Raises:
            LoadError: the plan makes no sense.
        """
        self._plan = plan
        self._destination = destination(plan)
        self._report = LoadReport(plan.url, plan.batch_size, plan.seed)
        self._connections: list[Connection] = []
        self._due: deque[float] = deque()
        self._no_connect_before_s = 0.0
        self._is_stopped = False
        self._arrivals = Arrivals(self._first_rate(), plan.seed, time.monotonic())

    def stop(self) -> None:
        """End the load soon; answers under way are waited for."""
        self._is_stopped = True

    def run(self) -> LoadReport:
        """Load until the time is up or `stop` is called."""
        start_s = time.monotonic()
        self._arrivals = Arrivals(self._arrivals.rate_per_s, self._plan.seed, start_s)
        end_s = start_s + (math.inf if self._plan.seconds is None else self._plan.seconds)
        look_s = start_s
        while not self._is_stopped and (now_s := time.monotonic()) < end_s:
            if now_s >= look_s:
                look_s = now_s + _LOOK_EVERY_S
                self._follow_rate_file(now_s)
                self._give_up_late(now_s)
            self._take_due(now_s)
            self._send_due(now_s)
            self._select(min(look_s, self._arrivals.next_s, end_s))
        self._report.seconds = time.monotonic() - start_s
        self._finish()
        return self._report

    def _take_due(self, now_s: float) -> None:
        due = self._arrivals.take_due(now_s)
        self._report.due += len(due)
        self._due.extend(due)

    def _send_due(self, now_s: float) -> None:
        """Send what is due on free connections; give up on what waited too long for one."""
        while self._due and now_s - self._due[0] > self._plan.patience_s:
            self._due.popleft()
            self._report.could_not_send += 1
        idle = [each for each in self._connections if each.progress is Progress.IDLE]
        while self._due and idle:
            connection = idle.pop()
            connection.send(self._destination.request, self._due.popleft(), now_s)
            self._report.sent += 1
            self._report.failed += connection.progress is Progress.LOST
        self._drop_lost()
        if self._due:
            self._connect(now_s)

    def _connect(self, now_s: float) -> None:
        n_coming = sum(each.progress is Progress.CONNECTING for each in self._connections)
        n_free = self._plan.max_connections - len(self._connections)
        if now_s < self._no_connect_before_s:
            return
        for _ in range(min(len(self._due) - n_coming, n_free)):
            connection = Connection(self._destination.family, self._destination.address)
            if connection.progress is Progress.LOST:
                self._no_connect_before_s = now_s + _RECONNECT_AFTER_S
                return
            self._connections.append(connection)

    def _select(self, until_s: float) -> None:
        """Wait for the next thing to do and take what has come."""
        connecting = [each for each in self._connections if each.progress is Progress.CONNECTING]
        reading = [each for each in self._connections if each.progress is not Progress.CONNECTING]
        wait_s = 0.0 if self._can_send() else max(0.0, until_s - time.monotonic())
        readable, writable, _ = select.select(reading, connecting, [], wait_s)
        for connection in writable:
            connection.finish_connecting()
            if connection.progress is Progress.LOST:
                self._no_connect_before_s = time.monotonic() + _RECONNECT_AFTER_S
        for connection in readable:
            self._receive(connection)
        self._drop_lost()

    def _can_send(self) -> bool:
        return bool(self._due) and any(c.progress is Progress.IDLE for c in self._connections)

    def _receive(self, connection: Connection) -> None:
        was_waiting = connection.progress is Progress.WAITING
        status = connection.receive()
        if status is None:
            if was_waiting and connection.progress is Progress.LOST:
                self._report.failed += 1
            return
        self._report.statuses[status] += 1
        if status == 200:
            self._report.answered += 1
            self._report.latency.add(time.monotonic() - connection.intended_s)
        else:
            self._report.failed += 1

    def _give_up_late(self, now_s: float) -> None:
        for connection in self._connections:
            is_waiting = connection.progress is Progress.WAITING
            if is_waiting and now_s - connection.sent_s > self._plan.timeout_s:
                self._report.failed += 1
                connection.close()
        self._drop_lost()

    def _drop_lost(self) -> None:
        self._connections = [c for c in self._connections if c.progress is not Progress.LOST]

    def _finish(self) -> None:
        """Wait for answers under way, then close everything."""
        self._report.could_not_send += len(self._due)
        self._due.clear()
        while any(each.progress is Progress.WAITING for each in self._connections):
            self._give_up_late(time.monotonic())
            self._select(time.monotonic() + _LOOK_EVERY_S)
        for connection in self._connections:
            connection.close()
        self._connections = []

    def _first_rate(self) -> float:
        if self._plan.rate_file is None:
            return self._plan.rate_per_s
        rate_per_s = self._plan.rate_file.changed_rate()
        return self._plan.rate_per_s if rate_per_s is None else rate_per_s

    def _follow_rate_file(self, now_s: float) -> None:
        """Take a new rate; keep the old one while the file cannot be read."""
        if self._plan.rate_file is None:
            return
        try:
            rate_per_s = self._plan.rate_file.changed_rate()
        except LoadError as error:
            _log.warning("stays at %g requests/s: %s", self._arrivals.rate_per_s, error)
            return
        if rate_per_s is not None:
            self._take_due(now_s)
            self._arrivals.change_rate(rate_per_s, now_s)
            _log.info("now %g requests/s", rate_per_s)
