"""Uses the device that a hint asks for, and says which that is.

A watcher looks at a directory that is mounted into the container. A new hint is followed by one
reference that is swapped; requests under way finish where they began. A hint it cannot follow
changes nothing, and the metrics page says why.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from components.actuation.errors import HintError
from components.actuation.hint import decode_hint, read_hint_text
from components.inference_server.devices import CPU
from components.inference_server.errors import DeviceLostError
from components.inference_server.variant_follower import VariantFollower

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from components.actuation.hint import Hint
    from components.inference_server.cpuset_follower import CpusetFollower
    from components.inference_server.devices import DeviceSession, OpenedDevices
    from components.inference_server.variant_follower import VariantStatus

LOOK_EVERY_S = 0.05
IN_FORCE, HELD, ABSENT = "in force", "held", "absent"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DeviceStatus:
    """One device of the server."""

    device: str
    status: str
    backend: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """One batch run on a device because a hint asked for it."""

    device: str
    probe_id: str
    batch: int
    latency_s: float


class DeviceFollower:
    """Holds the session in force over all devices; `start` the watcher once, `stop` it at the end.

    On the CPU it is the cpuset follower's. With the hint directory left out it never changes.
    """

    def __init__(
        self,
        cpu: CpusetFollower | VariantFollower,
        opened: OpenedDevices,
        *,
        hint_dir: Path | None = None,
        batch_size: int = 1,
    ) -> None:
        """Make and warm a session on every device.

        Raises:
            ModelError: one cannot be made.
        """
        self._cpu = cpu
        self._backends = opened.backends
        self._absent = dict(opened.absent)
        self._hint_dir = hint_dir
        self._sessions = {
            name: self._warm(network.session(cpu.session.n_threads), batch_size)
            for name, network in opened.held.items()
        }
        self._seen = ""
        self._stopping = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="device-follower", daemon=True)
        self.device = CPU
        """In force."""
        self.refusal = ""
        """Why the last hint was not followed; "" when it was."""
        self.n_device_switches = 0
        self.last_probe: ProbeResult | None = None
        self.last_batch = batch_size
        """Of the newest request, for probes."""

    @property
    def session(self) -> DeviceSession:
        """The session in force."""
        return self._sessions.get(self.device) or self._cpu.session

    @property
    def cpus(self) -> frozenset[int]:
        """The CPUs that the CPU's session was made for."""
        return self._cpu.cpus

    @property
    def n_switches(self) -> int:
        """Times the number of threads followed the cpuset."""
        return self._cpu.n_switches

    @property
    def variants(self) -> tuple[VariantStatus, ...]:
        """All versions of the network; none where it was told of none."""
        return self._cpu.variants if isinstance(self._cpu, VariantFollower) else ()

    @property
    def devices(self) -> tuple[DeviceStatus, ...]:
        """All devices the server was told of."""
        return tuple(
            DeviceStatus(name, self._status(name), backend, self._absent.get(name, ""))
            for name, backend in self._backends.items()
        )

    def run(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Classify a batch on the device in force; where that fails, on the CPU from now on."""
        device, session = self.device, self.session
        try:
            return session.run(images)
        except DeviceLostError as error:
            self._lose(device, error)
            return self._cpu.session.run(images)

    def start(self) -> None:
        """Begin to follow."""
        if self._hint_dir is not None:
            self._watcher.start()

    def stop(self) -> None:
        """End the watcher."""
        self._stopping.set()
        if self._watcher.ident is not None:
            self._watcher.join()

    def follow(self) -> None:
        """Look once, and do what a new hint says; without any hint the CPU is in force."""
        if self._hint_dir is None:
            return
        try:
            text = read_hint_text(self._hint_dir)
            if text == self._seen:
                return
            self._seen = text
            hint = decode_hint(text) if text else None
        except HintError as error:
            self._refuse(error.found)
            return
        if hint is None:
            self._use(CPU)
            self._use_variant(None)
        elif self._use(hint.device) and self._use_variant(hint.variant) and hint.probe is not None:
            self._try(hint)

    def _watch(self) -> None:
        while not self._stopping.wait(LOOK_EVERY_S):
            self.follow()

    def _use(self, device: str) -> bool:
        if device != CPU and device not in self._sessions:
            self._refuse(self._absent.get(device, f"it was not told of {device}"))
            return False
        self.refusal = ""
        if device != self.device:
            _log.info("now on %s, was on %s", device, self.device)
            self.device = device
            self.n_device_switches += 1
        return True

    def _use_variant(self, variant: str | None) -> bool:
        """Let the CPU answer by a version of the network; False where that cannot be."""
        if not isinstance(self._cpu, VariantFollower):
            reason = None if variant is None else "it was not told of any version"
        else:
            reason = self._cpu.use(variant)
        if reason is not None:
            self._refuse(reason)
        return reason is None

    def _try(self, hint: Hint) -> None:
        """Run one batch where the hint says, beside the requests, and time it."""
        probe = hint.probe or ""
        session = self._cpu.session if probe == CPU else self._sessions.get(probe)
        if session is None:
            self._refuse(f"it cannot probe {probe}: it does not hold it")
            return
        shape = (self.last_batch, *self._image_shape)
        images = np.zeros(shape, dtype=np.float32)
        start = time.perf_counter()
        try:
            session.run(images)
        except DeviceLostError as error:
            self._lose(probe, error)
            return
        took_s = time.perf_counter() - start
        self.last_probe = ProbeResult(probe, hint.probe_id or "", self.last_batch, took_s)

    def _lose(self, device: str, error: DeviceLostError) -> None:
        """Hold a device no more; one that fails would fail the next request too."""
        self._absent[device] = error.found
        if self.device == device:
            self._use(CPU)
        self._sessions.pop(device, None)
        self._refuse(f"{device} is lost: {error.found}")

    def _refuse(self, reason: str) -> None:
        self.refusal = reason
        _log.warning("a hint is not followed: %s", reason)

    @property
    def _image_shape(self) -> tuple[int, ...]:
        return self._cpu.image_shape

    def _status(self, name: str) -> str:
        if name == self.device:
            return IN_FORCE
        return ABSENT if name in self._absent else HELD

    def _warm(self, session: DeviceSession, batch_size: int) -> DeviceSession:
        session.run(np.zeros((batch_size, *self._image_shape), dtype=np.float32))
        return session
