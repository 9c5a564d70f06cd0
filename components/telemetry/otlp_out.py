"""Samples and heartbeats out, as OTLP log records over HTTP; the caller never waits for the net.

OpenTelemetry's own exporter forgets what it could not send and says it was flushed; so the bodies
are made here, from its protobuf classes, and kept on disk until the hub has them.
"""

from __future__ import annotations

import gzip
import logging
import random
import threading
import time
from collections import deque
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from components.telemetry.buffer import DiskBuffer
from components.telemetry.events import Event, heartbeat_attributes, sample_attributes
from components.telemetry.hub_link import HubLink, Outcome
from components.telemetry.otlp_protobuf import record_of, request_of
from components.telemetry.sample import HEARTBEAT_EVENT, SAMPLE_EVENT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from components.settings.login import Login
    from components.telemetry.attributes import Attributes
    from components.telemetry.buffer import WaitingBody
    from components.telemetry.heartbeat import Heartbeat
    from components.telemetry.hub_link import Answer
    from components.telemetry.sample import Sample

_LOG = logging.getLogger(__name__)
_BATCH_RECORDS = 256
_MAX_QUEUED_RECORDS = 4096
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 15.0


@dataclass(frozen=True, slots=True)
class PublisherStats:
    """What became of the samples since the publisher was made."""

    n_sent: int = 0
    n_refused: int = 0
    """The hub would never take them."""
    n_dropped: int = 0
    """The buffer was full."""
    n_waiting: int = 0
    """In memory or on disk; those an earlier process left included."""
    last_trouble: str | None = None
    """Why the last attempt failed; None when it did not."""


class EventPublisher:
    """Sends events from a thread of its own.

    Samples wait in memory for at most `batch_s`, then on disk until the hub has them: also over a
    restart, up to `max_buffer_bytes`, beyond which the oldest are dropped and counted. Of
    heartbeats only the newest waits. A hub that is away is asked again after 0.5 to 15 s.
    """

    def __init__(
        self,
        endpoint: str,
        *,
        buffer: Path,
        resource: Mapping[str, str],
        max_buffer_bytes: int = 16 * 1024 * 1024,
        batch_s: float = 1.0,
        timeout_s: float = 5.0,
        login: Login | None = None,
    ) -> None:
        """Start the thread.

        Raises:
            EndpointError: `endpoint` is no http or https address.
        """
        self._link = HubLink(endpoint, timeout_s, login)
        self._disk = DiskBuffer(buffer, max_bytes=max_buffer_bytes)
        self._resource = dict(resource)
        self._batch_s = batch_s
        self._wake = threading.Condition()
        self._queue: deque[bytes] = deque()
        self._n_in_hand = 0
        self._heartbeat: bytes | None = None
        self._stats = PublisherStats()
        self._pause_s = _FIRST_PAUSE_S
        self._resume_at_s = 0.0
        self._close_by_s: float | None = None
        self._thread = threading.Thread(target=self._run, name="joulepilot-publisher", daemon=True)
        self._thread.start()

    def sample(self, sample: Sample) -> None:
        """Hand a sample over and return at once.

        Raises:
            EventError: the sample cannot be written as an event.
        """
        end = sample.window_start + timedelta(seconds=sample.window_s)
        record = record_of(_event(SAMPLE_EVENT, sample_attributes(sample), end))
        with self._wake:
            self._queue.append(record)
            self._bound_queue()
            if len(self._queue) >= _BATCH_RECORDS:
                self._wake.notify()

    def heartbeat(self, heartbeat: Heartbeat) -> None:
        """Hand a heartbeat over and return at once; one that still waits is replaced.

        Raises:
            EventError: the heartbeat cannot be written as an event.
        """
        attributes = heartbeat_attributes(heartbeat)
        record = record_of(_event(HEARTBEAT_EVENT, attributes, heartbeat.time))
        with self._wake:
            self._heartbeat = record
            self._wake.notify()

    @property
    def stats(self) -> PublisherStats:
        """What became of the samples so far; one on its way to disk may be counted twice."""
        with self._wake:
            stats, n_in_memory = self._stats, len(self._queue) + self._n_in_hand
        n_on_disk = sum(body.n_records for body in self._disk.waiting())
        return replace(stats, n_waiting=n_in_memory + n_on_disk)

    def close(self, timeout_s: float = 3.0) -> None:
        """Send what can be sent within `timeout_s`, leave the rest on disk, end the thread."""
        with self._wake:
            self._close_by_s = time.monotonic() + timeout_s
            self._wake.notify()
        self._thread.join(timeout_s)
        self._park()

    def _run(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(self._is_urgent, timeout=self._batch_s)
                closing = self._close_by_s is not None
            self._park()
            if closing or not self._is_resting():
                self._send_all()
            if closing:
                self._link.close()
                return

    def _is_urgent(self) -> bool:
        something = self._heartbeat is not None or len(self._queue) >= _BATCH_RECORDS
        return self._close_by_s is not None or (something and not self._is_resting())

    def _is_resting(self) -> bool:
        return time.monotonic() < self._resume_at_s

    def _park(self) -> None:
        """Move what waits in memory to disk; where the disk fails it stays in memory, bounded."""
        while records := self._take_batch():
            body = gzip.compress(request_of(records, self._resource), compresslevel=5, mtime=0)
            try:
                n_dropped = self._disk.put(body, len(records))
            except OSError as error:
                with self._wake:
                    self._n_in_hand -= len(records)
                    self._queue.extendleft(reversed(records))
                    self._bound_queue()
                self._rest(f"the buffer on disk cannot be written: {error}", None)
                return
            with self._wake:
                self._n_in_hand -= len(records)
            self._count(n_dropped=n_dropped)

    def _take_batch(self) -> list[bytes]:
        with self._wake:
            n_records = min(len(self._queue), _BATCH_RECORDS)
            self._n_in_hand += n_records
            return [self._queue.popleft() for _ in range(n_records)]

    def _bound_queue(self) -> None:
        while len(self._queue) > _MAX_QUEUED_RECORDS:
            self._queue.popleft()
            self._stats = replace(self._stats, n_dropped=self._stats.n_dropped + 1)

    def _send_all(self) -> None:
        """Send the heartbeat and all bodies on disk, until the hub does not take one."""
        if not self._send_heartbeat():
            return
        for body in self._disk.waiting():
            if self._close_by_s is not None and time.monotonic() > self._close_by_s:
                return
            if not (self._send_body(body) and self._send_heartbeat()):
                return

    def _send_heartbeat(self) -> bool:
        with self._wake:
            record, self._heartbeat = self._heartbeat, None
        if record is None:
            return True
        answer = self._link.send(gzip.compress(request_of([record], self._resource), mtime=0))
        if answer.outcome is Outcome.AWAY:
            with self._wake:
                self._heartbeat = self._heartbeat or record
        return self._is_settled(answer)

    def _send_body(self, body: WaitingBody) -> bool:
        try:
            answer = self._link.send(body.path.read_bytes())
            if answer.outcome is not Outcome.AWAY:
                self._disk.remove(body)
        except FileNotFoundError:  # dropped meanwhile to make room
            return True
        except OSError as error:
            self._rest(f"the buffer on disk cannot be read: {error}", None)
            return False
        if answer.outcome is Outcome.TAKEN:
            self._count(n_sent=body.n_records - answer.n_rejected, n_refused=answer.n_rejected)
        elif answer.outcome is Outcome.REFUSED:
            self._count(n_refused=body.n_records)
        return self._is_settled(answer)

    def _is_settled(self, answer: Answer) -> bool:
        """Take note of an answer, and tell whether the hub takes more."""
        if answer.outcome is Outcome.AWAY:
            self._rest(answer.reason, answer.retry_after_s)
            return False
        if answer.outcome is Outcome.REFUSED or answer.n_rejected:
            _LOG.error("the hub will not take what was sent: %s", answer.reason)
        with self._wake:
            if self._stats.last_trouble is not None and not answer.reason:
                _LOG.info("the hub takes events again")
            self._stats = replace(self._stats, last_trouble=answer.reason or None)
        self._pause_s = _FIRST_PAUSE_S
        return True

    def _rest(self, trouble: str, asked_s: float | None) -> None:
        """Leave the hub alone for a while: twice as long each time, jittered, or as it asked."""
        jittered_s = self._pause_s * random.uniform(0.75, 1.25)  # noqa: S311  # no secret
        pause_s = min(asked_s, 4 * _LONGEST_PAUSE_S) if asked_s is not None else jittered_s
        self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)
        self._resume_at_s = time.monotonic() + pause_s
        with self._wake:
            if self._stats.last_trouble is None:
                _LOG.warning("events wait on disk: %s", trouble)
            self._stats = replace(self._stats, last_trouble=trouble)

    def _count(self, *, n_sent: int = 0, n_refused: int = 0, n_dropped: int = 0) -> None:
        if n_dropped:
            _LOG.warning("dropped the %d oldest samples: the buffer on disk is full", n_dropped)
        with self._wake:
            self._stats = replace(
                self._stats,
                n_sent=self._stats.n_sent + n_sent,
                n_refused=self._stats.n_refused + n_refused,
                n_dropped=self._stats.n_dropped + n_dropped,
            )


def _event(name: str, attributes: Attributes, happened: datetime) -> Event:
    return Event(name=name, attributes=attributes, time=happened, observed_time=datetime.now(UTC))
