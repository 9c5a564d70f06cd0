"""The demo's two inference jobs: what they are, and how long one image takes here."""

from __future__ import annotations

import time
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from components.policy.onnx_runtime import open_session

if TYPE_CHECKING:
    from pathlib import Path

METRICS_PORT = 8002  # inside the container, by its Dockerfile
DEMO_LABEL = "joulepilot-demo"  # the demo's executor looks at nothing else
N_TIMED = 15


@dataclass(frozen=True, slots=True)
class DemoJob:
    """One inference job under load."""

    name: str
    network: str
    target_ms: float
    """Mean latency per image."""
    rate_per_s: float
    busy_rate_per_s: float
    """The load after it changed."""
    mode: str = "recommend"
    priority: int = 0
    stage: str = DEMO_LABEL
    """The label that its executor looks for."""

    def labels(self, metrics_port: int) -> dict[str, str]:
        """What its owner says of it to joulepilot."""
        return {
            "joulepilot.enable": "true",
            "joulepilot.target-ms": f"{self.target_ms:g}",
            "joulepilot.metrics": f"prometheus:{metrics_port}/metrics",
            "joulepilot.model": self.network,
            "joulepilot.mode": self.mode,
            "joulepilot.priority": f"{self.priority}",
            self.stage: "true",
        }


def demo_jobs(networks: Path) -> tuple[DemoJob, DemoJob]:
    """Fit the two jobs to this machine.

    One image of MobileNet is timed on one thread; its target is four times that. Its load is a
    fifth of what one core can do, and later a tenth more than one core can do, so that the queue
    grows until it has a second one.
    """
    seconds = seconds_per_image(networks / "mobilenet.onnx")
    mobilenet = DemoJob(
        name="demo-mobilenet",
        network="mobilenet",
        target_ms=round(4e3 * seconds),
        rate_per_s=round(0.2 / seconds, 1),
        busy_rate_per_s=round(1.1 / seconds, 1),
    )
    mlp = DemoJob("demo-mlp", "mlp-small", target_ms=20.0, rate_per_s=30.0, busy_rate_per_s=30.0)
    return mobilenet, mlp


def seconds_per_image(network: Path) -> float:
    """Median time of one image on one thread, after a warm-up."""
    session = open_session(network.read_bytes())
    inlet = session.get_inputs()[0]
    shape = [size if isinstance(size, int) else 1 for size in inlet.shape]
    feed = {inlet.name: np.random.default_rng(0).normal(size=shape).astype(np.float32)}
    times = []
    for _ in range(N_TIMED):
        start = time.perf_counter()
        session.run(None, feed)
        times.append(time.perf_counter() - start)
    return median(times[3:])
