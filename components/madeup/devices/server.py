"""The server of a made-up job: three simulated devices, of which a hint chooses one."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from components.actuation.errors import HintError
from components.actuation.hint import decode_hint, read_hint_text
from components.madeup.devices.running import Accounting
from components.madeup.devices.table import NETWORK_FEATURES
from components.telemetry.served_devices import ProbeReading, ServedDevices

if TYPE_CHECKING:
    from pathlib import Path

    from components.actuation.hint import Hint
    from components.madeup.devices.response import DeviceResponse
    from components.madeup.node import MadeUpNode

log = logging.getLogger(__name__)
HELD = ("cpu", "igpu", "dgpu")
SWITCH_S = 0.5
"""From a hint to the first batch on the other device."""
PROBE_NOISE = 0.01
LOAD_FILE = "load.json"


@dataclass(frozen=True, slots=True)
class Load:
    """What is asked of the job."""

    batch: int
    rate_per_s: float
    """Batches."""


class DeviceServer:
    """Implements `DeviceSource` for one job of a made-up node.

    Whoever looks at it brings it up to date: a new hint is followed a moment later, a new load
    (a file, as the load generator of real jobs has one) at once.
    """

    def __init__(
        self, node: MadeUpNode, job: str, response: DeviceResponse, folder: Path, seed: int
    ) -> None:
        self._node = node
        self._job = job
        self._response = response
        self._hints = folder / "hints"
        self._load_file = folder / LOAD_FILE
        self._rng = np.random.default_rng([seed, 71])
        self._seen_hint = ""
        self._seen_load = ""
        self._switch: tuple[float, str] | None = None
        self._left: dict[str, tuple[float, float]] = {}
        self._slower: dict[str, float] = {}
        self._lost: dict[str, str] = {}
        self._probe: ProbeReading | None = None
        self.ignores_hints = False
        """A server that never does what hints say."""

    @property
    def device(self) -> str:
        """In force."""
        return self._response.device

    def read(self) -> ServedDevices:
        """Bring it up to date and say what it runs on."""
        self.look()
        features = {name: float(getattr(self._response.network, name)) for name in NETWORK_FEATURES}
        return ServedDevices(
            in_force=self.device,
            held=self._held,
            absent=dict(self._lost),
            features=features,
            clock_share={"dgpu": self._clock("dgpu")},
            probe=self._probe,
        )

    def look(self) -> None:
        """Take in a new load and a new hint."""
        self._take_load()
        self._take_hint()
        now_s = self._node.clock.monotonic_s()
        if self._switch is not None and now_s >= self._switch[0]:
            device, self._switch = self._switch[1], None
            self._left[self.device] = (now_s, self._clock(self.device))
            self._respond(replace(self._response, device=device))

    def slow(self, device: str, factor: float) -> None:
        """Make a device slower from now on: a thermal limit, a neighbour; 1.0 makes it well."""
        self._slower[device] = factor
        self._respond(self._response)

    def lose(self, device: str, why: str) -> None:
        """Let a device fall off the bus; what it served is on the CPU from now on."""
        self._lost[device] = why
        self._switch = None
        if self.device == device:
            self._respond(replace(self._response, device=HELD[0]))

    @property
    def _held(self) -> tuple[str, ...]:
        return tuple(device for device in HELD if device not in self._lost)

    def _respond(self, response: DeviceResponse) -> None:
        self._response = replace(response, slower=self._slower.get(response.device, 1.0))
        self._node.change_work(
            self._job, self._response, rate_per_s=response.rate_per_s, batch_size=response.batch
        )

    def _take_load(self) -> None:
        try:
            text = self._load_file.read_text(encoding="utf-8")
        except FileNotFoundError:
            return
        if text == self._seen_load:
            return
        self._seen_load = text
        load = Load(**json.loads(text))
        self._respond(replace(self._response, batch=load.batch, rate_per_s=load.rate_per_s))

    def _take_hint(self) -> None:
        try:
            text = read_hint_text(self._hints)
            if self.ignores_hints or text == self._seen_hint:
                return
            self._seen_hint = text
            hint = decode_hint(text) if text else None
        except HintError as error:
            log.warning("%s: %s", self._job, error)
            return
        wanted = HELD[0] if hint is None else hint.device
        if wanted not in self._held:
            log.warning("%s: it does not hold %s", self._job, wanted)
            return
        if wanted != self.device:
            self._switch = (self._node.clock.monotonic_s() + SWITCH_S, wanted)
        if hint is not None and hint.probe in self._held:
            self._try(hint)

    def _try(self, hint: Hint) -> None:
        """Run one batch beside the others; the node's counter counts its joules too."""
        device, response = hint.probe or "", self._response
        host = response.host
        name = f"cpu@{self._n_threads}" if device == "cpu" else device
        run = host.from_state(response.network, response.batch, name, self._clock(device))
        slower = self._slower.get(device, 1.0) * float(np.exp(PROBE_NOISE * self._rng.normal()))
        joules = run.joules(Accounting.MARGINAL) * slower
        self._node.spend(joules)
        self._left[device] = (self._node.clock.monotonic_s(), run.clock_after)
        self._probe = ProbeReading(
            hint.probe_id or "", device, response.batch, run.latency_ms * slower, joules
        )

    @property
    def _n_threads(self) -> int:
        """Of the CPU: as many as CPUs are in force."""
        cpus = self._node.host.effective_cpus(self._node.container(self._job).id)
        return min(len(cpus), self._response.host.n_cores)

    def _clock(self, device: str) -> float:
        """The clock of a device now: in balance where it is in force, else fallen since it was."""
        facts = self._response.host.facts(device)
        if device == self.device:
            return self._response.steady(self._response.host.n_cores).clock_before
        if device not in self._left:
            return facts.lowest_share
        left_s, share = self._left[device]
        return facts.share_after(share, self._node.clock.monotonic_s() - left_s)


def write_load(folder: Path, load: Load) -> None:
    """Ask another load of the job; it is taken in when someone next looks at the server."""
    part = folder / f".{LOAD_FILE}.part"
    part.write_text(json.dumps({"batch": load.batch, "rate_per_s": load.rate_per_s}))
    part.replace(folder / LOAD_FILE)
