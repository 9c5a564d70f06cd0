"""The server without its HTTP: readiness, the queue, inference, counting."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np

from components.inference_server.errors import BadRequestError, BusyError
from components.inference_server.metrics_page import ServerFacts
from components.inference_server.random_images import RandomImages
from components.inference_server.turnstile import Turnstile
from components.node.cpuset import format_cpu_list

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from components.inference_server.counters import Counters
    from components.inference_server.device_follower import DeviceFollower
    from components.inference_server.prepared_network import NetworkFacts


class State(Enum):
    """Whether requests are taken."""

    WARMING = "it is still warming up"
    READY = "it is ready"
    DRAINING = "it is draining and will stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceLimits:
    """What one request and the queue may be."""

    batch_size: int = 1
    """Of a request that says nothing about it."""
    max_batch_size: int = 64
    max_waiting: int = 32
    seed: int = 0
    """Of the images of empty requests."""


@dataclass(frozen=True, slots=True)
class Classified:
    """An answer: the class of each image, and how long the request took so far."""

    classes: tuple[int, ...]
    latency_s: float

    @property
    def n_images(self) -> int:
        """Images of the request."""
        return len(self.classes)


class InferenceService:
    """Answers one request at a time from the session in force; the rest wait or are refused."""

    def __init__(
        self,
        model: str,
        limits: ServiceLimits,
        counters: Counters,
        features: Mapping[str, float] | None = None,
    ) -> None:
        self.limits = limits
        self.counters = counters
        self.state = State.WARMING
        self._model = model
        self._features = features or {}
        self._turnstile = Turnstile(limits.max_waiting)
        self._served: tuple[NetworkFacts, DeviceFollower, RandomImages] | None = None
        self._n_in_flight = 0
        self._in_flight = threading.Condition()

    def open(self, facts: NetworkFacts, follower: DeviceFollower) -> None:
        """Take requests from now on, unless the drain began meanwhile."""
        self._served = (facts, follower, RandomImages(facts.image_shape, self.limits.seed))
        if self.state is State.WARMING:
            self.state = State.READY

    def begin_drain(self) -> None:
        """Refuse new requests; those that wait are still answered."""
        self.state = State.DRAINING

    def wait_until_idle(self, timeout_s: float) -> bool:
        """Wait for the requests under way; False when the time ran out first."""
        with self._in_flight:
            return self._in_flight.wait_for(lambda: self._n_in_flight == 0, timeout_s)

    @contextmanager
    def in_flight(self) -> Iterator[None]:
        """Hold the end of the drain back until the body of the `with` is done."""
        with self._in_flight:
            self._n_in_flight += 1
        try:
            yield
        finally:
            with self._in_flight:
                self._n_in_flight -= 1
                self._in_flight.notify_all()

    def classify(self, body: bytes, batch_size: int | None, arrived_s: float) -> Classified:
        """Answer one request and count it.

        Args:
            body: float32 images, little-endian; empty for random ones.
            batch_size: what the request says of it, if anything.
            arrived_s: `time.perf_counter()` at the arrival.

        Raises:
            BusyError: warming, draining or the queue is full.
            BadRequestError: the request does not fit the network.
        """
        self.counters.received()
        try:
            classes = self._classes(body, batch_size)
        except BusyError:
            self.counters.refused()
            raise
        except BadRequestError:
            self.counters.rejected()
            raise
        latency_s = time.perf_counter() - arrived_s
        self.counters.answered(latency_s, len(classes))
        return Classified(classes, latency_s)

    def facts(self) -> ServerFacts:
        """Say what the server is doing now."""
        follower = self._served[1] if self._served else None
        return ServerFacts(
            model=self._model,
            batch_size=self.limits.batch_size,
            cpuset=format_cpu_list(follower.cpus) if follower else "",
            n_threads=follower.session.n_threads if follower else 0,
            n_thread_switches=follower.n_switches if follower else 0,
            n_waiting=self._turnstile.n_waiting,
            is_ready=self.state is State.READY,
            device=follower.device if follower else "",
            devices=follower.devices if follower else (),
            n_device_switches=follower.n_device_switches if follower else 0,
            variants=follower.variants if follower else (),
            refusal=follower.refusal if follower else "",
            probe=follower.last_probe if follower else None,
            features=self._features,
        )

    def _classes(self, body: bytes, batch_size: int | None) -> tuple[int, ...]:
        if self.state is not State.READY or self._served is None:
            raise BusyError("asked for an inference", self.state.value, "ask again when /readyz is")
        facts, follower, random_images = self._served
        if body:
            images = _images(body, batch_size, facts, self.limits.max_batch_size)
        else:
            wanted = self.limits.batch_size if batch_size is None else batch_size
            images = random_images.batch(self._allowed(wanted))
        follower.last_batch = len(images)
        with self._turnstile.turn():
            logits = follower.run(images)
        if not np.isfinite(logits).all():
            raise BadRequestError(
                "asked to classify these images", "the logits are not finite", "send finite pixels"
            )
        return tuple(int(each) for each in logits.argmax(axis=1))

    def _allowed(self, batch_size: int) -> int:
        if not 1 <= batch_size <= self.limits.max_batch_size:
            raise BadRequestError(
                f"asked for a batch of {batch_size}",
                f"this server takes 1 to {self.limits.max_batch_size}",
                "split the batch, or start the server with a larger --max-batch-size",
            )
        return batch_size


def _images(
    body: bytes, batch_size: int | None, facts: NetworkFacts, max_batch_size: int
) -> NDArray[np.float32]:
    """Read a body as [batch, ...image shape]."""
    n_images, rest = divmod(len(body), facts.image_bytes)
    is_as_said = batch_size is None or n_images == batch_size
    if rest or not 1 <= n_images <= max_batch_size or not is_as_said:
        said = "images" if batch_size is None else f"{batch_size} images"
        raise BadRequestError(
            f"asked to classify {len(body)} bytes as {said}",
            f"an image of {facts.name} is {facts.image_shape} float32, {facts.image_bytes} bytes",
            f"send 1 to {max_batch_size} whole images, as many as the batch says",
        )
    return np.frombuffer(body, dtype="<f4").reshape(n_images, *facts.image_shape)
