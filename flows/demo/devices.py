"""A made-up job whose batches go from 1 to 4096 and back: its device follows, read back."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from components.madeup.devices.idle import HOST_IDLE_W
from components.madeup.devices.node import FIRST_LOAD, JOB, JOB_CPUS, NETWORK
from components.madeup.devices.roofline_host import RooflineHost
from components.madeup.devices.running import Accounting, RunningDevices
from components.madeup.devices.server import HELD, Load, write_load
from components.madeup.devices.table import write_device_table
from components.releases.operations import history
from flows.demo.nodes import DEVICES
from flows.demo.pipeline_run import run_deployed
from flows.device_tables import TABLES
from flows.errors import DemoError
from flows.forms import DeviceTrainingForm

if TYPE_CHECKING:
    from collections.abc import Callable

    from components.settings.settings import Settings
    from components.telemetry.heartbeat import JobStatus
    from flows.demo.narrator import Narrator
    from flows.demo.nodes import DemoNodes
    from flows.services import Services

DEPLOYMENT = "retrain devices/weekly"
BIG_LOAD = Load(batch=4096, rate_per_s=4.0)
LOADS = (FIRST_LOAD, BIG_LOAD, FIRST_LOAD)
PATIENCE_S = 60.0
STEADY_S = 4.0
"""Minutes of the made-up node's time."""
TABLE_ROWS = 200
UNDECIDED = ("asked for", "would", "batches of", "no choice", "no window")
"""How reasons begin while something is still to come."""
COLUMNS = ("batch", "at", "device", "latency", "node power", "was on before", "true power there")


class DeviceStory:
    """The part of the demo that the second paper is about; all of it simulated, and said so."""

    def __init__(
        self, settings: Settings, services: Services, nodes: DemoNodes, narrator: Narrator
    ) -> None:
        self._settings = settings
        self._services = services
        self._nodes = nodes
        self._say = narrator
        self._host = RunningDevices(RooflineHost(0))
        self._rows: list[tuple[str, ...]] = []

    def tell(self) -> None:
        """Learn, promote, and see the device switched each way.

        Raises:
            DemoError: something of it did not happen.
        """
        self._say.heading("i", "which processor: a made-up host (simulated) with CPU, iGPU, dGPU")
        pace = ("--pace", "100")
        self._services.start_all([self._nodes.service(DEVICES, "madeup:devices", *pace)])
        first = self._status(lambda s: s.latency_ms is not None, "a first window")
        self._say.fact(f"{JOB}: {self._seen(first)}; no device classifier was released yet")
        self._learn()
        devices = [self._under(load, number) for number, load in enumerate(LOADS)]
        self._say.table(COLUMNS, self._rows)
        for line in self._nodes.command(DEVICES, "explain", JOB).splitlines():
            if "read back" in line or "measured on" in line:
                self._say.fact(f"joulepilot-node explain {JOB}: {line.strip()}")
        if devices[1] != "dgpu" or "dgpu" in {devices[0], devices[2]}:
            raise DemoError(
                "asked for a device that follows the batch",
                f"batches of 1, 4096 and 1 ran on {', '.join(devices)}",
                f"see {self._settings.home}/logs/node-{DEVICES}.log",
            )

    def _learn(self) -> None:
        """Measure made-up networks on the made-up host, train, and have the node follow."""
        host = RooflineHost(0, threads=(4,))
        folder = self._settings.home / TABLES
        table = write_device_table(host, folder, seed=0, n_rows=TABLE_ROWS)
        self._say.fact(f"table {table.name}: {TABLE_ROWS} simulated points")
        state = self._nodes.state(DEVICES)
        run = run_deployed(
            DEPLOYMENT,
            {
                "training": DeviceTrainingForm(
                    node_classes=[] if state is None else [state.heartbeat.node_class],
                    rollout="all",
                    why="the demo's device classifier",
                ).model_dump()
            },
            self._say.fact,
            within_s=180,
        )
        last = history(self._settings.home)[-1]
        self._say.fact(f"run {run.name} ended as {run.state_name}; release {last.sequence}")
        if run.state_name != "Promoted":
            raise DemoError(
                "asked for a device classifier that the gate lets pass",
                f"the run ended as {run.state_name}",
                "see its page in Prefect",
            )
        self._nodes.wait_for_release(DEVICES, last.sequence, within_s=30)

    def _under(self, load: Load, number: int) -> str:
        """Ask a load and wait until the device is settled; what it settled on."""
        before = self._status(lambda _: True, "a heartbeat").device or HELD[0]
        write_load(self._nodes.home(DEVICES) / "madeup" / JOB, load)
        status = self._status(self._steady(load), f"its choice for batches of {load.batch}")
        self._say.fact(f"batches of {load.batch}: {self._seen(status)}")
        self._say.fact(f"  because {status.device_reason}")
        state = self._nodes.state(DEVICES)
        power_w = None if state is None else state.heartbeat.node_power_w
        self._rows.append(
            (
                str(load.batch),
                f"{load.rate_per_s:g}/s",
                status.device or "-",
                "-" if status.latency_ms is None else f"{status.latency_ms:.4g} ms an image",
                "-" if power_w is None else f"{power_w:.1f} W",
                before if number else HELD[0],
                self._power_on(before if number else HELD[0], load),
            )
        )
        return status.device or "-"

    def _steady(self, load: Load) -> Callable[[JobStatus], bool]:
        """Whether the job has stayed on one device under a load for a while."""
        seen: list[tuple[str | None, float]] = []

        def is_steady(status: JobStatus) -> bool:
            is_right = (status.device == "dgpu") is (load is BIG_LOAD)
            if not (is_right and _is_decided(status) and self._is_under(status, load)):
                seen.clear()
                return False
            if not seen or seen[-1][0] != status.device:
                seen[:] = [(status.device, time.monotonic())]
            return time.monotonic() - seen[-1][1] >= STEADY_S

        return is_steady

    def _is_under(self, status: JobStatus, load: Load) -> bool:
        """Whether the last window was under this load: what one image takes tells."""
        if status.latency_ms is None or status.device is None:
            return False
        run = self._host.steady(NETWORK, load.batch, _width(status.device), load.rate_per_s)
        return 0.5 < status.latency_ms * load.batch / run.latency_ms < 2.0

    def _power_on(self, device: str, load: Load) -> str:
        """What the node would draw on a device, by the made-up host's own figures."""
        run = self._host.steady(NETWORK, load.batch, _width(device), load.rate_per_s)
        busy = load.rate_per_s * run.latency_ms / 1000
        if busy >= 1.0:
            return f"cannot: {1000 / run.latency_ms:.2g} batches/s at most"
        return f"{HOST_IDLE_W + run.joules(Accounting.MARGINAL) * load.rate_per_s:.1f} W"

    def _seen(self, status: JobStatus) -> str:
        latency = "-" if status.latency_ms is None else f"{status.latency_ms:.4g} ms an image"
        return f"its server says {status.device}, {latency} (≤ {status.target_ms:g} ms)"

    def _status(self, is_so: Callable[[JobStatus], bool], what: str) -> JobStatus:
        return self._nodes.wait_for_job(DEVICES, JOB, is_so, what=what, within_s=PATIENCE_S)


def _is_decided(status: JobStatus) -> bool:
    """Whether the node said why the device is what it is, and nothing is under way."""
    return status.device_reason is not None and not status.device_reason.startswith(UNDECIDED)


def _width(device: str) -> str:
    """The CPU on as many threads as the job has CPUs."""
    return f"cpu@{JOB_CPUS}" if device == "cpu" else device
