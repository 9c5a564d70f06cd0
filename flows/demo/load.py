"""The load on the demo's jobs, changed while it runs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from flows.services import Service

if TYPE_CHECKING:
    from pathlib import Path

    from flows.demo.jobs import DemoJob
    from flows.services import Services


class Load:
    """Open-loop requests to one job; the rate is read from a file whenever that changes."""

    def __init__(self, services: Services, folder: Path, job: DemoJob, url: str) -> None:
        self._file = folder / f"{job.name}.rate"
        self.set_rate(job.rate_per_s)
        module = [sys.executable, "-m", "components.inference_server.load", url]
        rate = ["--rate-file", str(self._file), "--batch", "1"]
        services.start(Service(f"load-{job.name}", module + rate, lambda: True))

    def set_rate(self, rate_per_s: float) -> None:
        """Change the requests per second."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        part = self._file.with_suffix(".part")
        part.write_text(f"{rate_per_s:g}\n")
        part.replace(self._file)
