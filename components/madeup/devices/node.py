"""A made-up node with a CPU, an integrated and a discrete GPU, and one job that may use any.

node = device_node(Path("/tmp/made-up"))
node.server.read().in_force
write_load(node.folder, Load(batch=4096, rate_per_s=4.0))
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.madeup.devices.idle import HOST_IDLE_W
from components.madeup.devices.network import MadeUpNetwork
from components.madeup.devices.response import DeviceResponse
from components.madeup.devices.roofline_host import N_CORES, RooflineHost
from components.madeup.devices.running import RunningDevices
from components.madeup.devices.server import HELD, DeviceServer, Load
from components.madeup.job import MadeUpJob
from components.madeup.node import MadeUpNode, job_labels
from components.madeup.state import NodeCharacter
from components.node.topology import grid_topology

if TYPE_CHECKING:
    from pathlib import Path

    from components.actuation.host import Container
    from components.jobs.job import Job

JOB = "digits"
JOB_CPUS = 4
FIRST_LOAD = Load(batch=1, rate_per_s=40.0)
TARGET_MS = 1.0
NETWORK = MadeUpNetwork(
    name="simulated-digits",
    group="simulated-digits",
    layers=8,
    depth=8,
    gmac_dense=0.002,
    gmac_conv=0.05,
    gmac_depthwise=0.0,
    gmac_attention=0.0,
    parameters_mb=4.0,
    activations_mb=0.4,
    input_mb=0.003,
    launches=24,
)
"""Small images, as in the second paper's measurements."""


class DeviceNode(MadeUpNode):
    """A made-up node whose one job is served on any of three simulated devices."""

    def __init__(
        self, root: Path, *, seed: int, noise: float, target_ms: float, start_s: float | None
    ) -> None:
        host = RunningDevices(RooflineHost(seed))
        response = DeviceResponse(
            host, NETWORK, HELD[0], FIRST_LOAD.batch, FIRST_LOAD.rate_per_s, HOST_IDLE_W
        )
        self.folder = root / JOB
        (self.folder / "hints").mkdir(parents=True, exist_ok=True)
        topology = grid_topology(
            sockets=1, l3_per_socket=1, cores_per_l3=N_CORES, threads_per_core=1
        )
        super().__init__(
            root,
            NodeCharacter(topology, HOST_IDLE_W, seed, noise),
            [
                MadeUpJob(
                    name=JOB,
                    response=response,
                    rate_per_s=FIRST_LOAD.rate_per_s,
                    image="simulated/digits",
                    batch_size=FIRST_LOAD.batch,
                    labels=job_labels(target_ms, model=NETWORK.name)
                    | {
                        "joulepilot.devices": ",".join(HELD),
                        "joulepilot.hint-dir": str((self.folder / "hints").absolute()),
                        "joulepilot.min-cpus": str(JOB_CPUS),
                        "joulepilot.max-cpus": str(JOB_CPUS),
                    },
                )
            ],
            name="made-up-devices",
            cpu_model="Made-up three devices",
            start_s=start_s,
        )
        self.server = DeviceServer(self, JOB, response, self.folder, seed)

    def served_devices(self, _container: Container, _job: Job) -> DeviceServer:
        """What the job's server says of its devices."""
        return self.server


def device_node(
    root: Path,
    *,
    seed: int = 0,
    noise: float = 0.003,
    target_ms: float = TARGET_MS,
    start_s: float | None = None,
) -> DeviceNode:
    """Make the node up; files lie under `root`, the job's load and hints under `root/digits`."""
    return DeviceNode(root, seed=seed, noise=noise, target_ms=target_ms, start_s=start_s)
