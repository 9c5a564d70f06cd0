"""What load a made-up job is offered, said from outside by a file, as a load generator would."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from components.durable_file import replace_file
from components.madeup.errors import MadeUpError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from components.actuation.host import Container
    from components.jobs.job import Job
    from components.madeup.node import MadeUpNode
    from components.telemetry.meters import LatencySnapshot, LatencySource

log = logging.getLogger(__name__)
SUFFIX = ".offered-rate-per-s"


def offer(folder: Path, job: str, rate_per_s: float) -> None:
    """Offer a job another load; it is taken in when someone next reads its server."""
    replace_file(folder / f"{job}{SUFFIX}", f"{rate_per_s:g}\n")


def following_offers(node: MadeUpNode, folder: Path) -> Callable[[Container, Job], LatencySource]:
    """Open latency pages of a node whose jobs are offered what files in a folder say."""

    def opened(container: Container, job: Job) -> LatencySource:
        page = node.latency_source(container, job)
        return _Offered(node, container.name, folder / f"{container.name}{SUFFIX}", page)

    return opened


class _Offered:
    """A latency page; whoever reads it brings the load up to date."""

    def __init__(self, node: MadeUpNode, job: str, file: Path, page: LatencySource) -> None:
        self._node = node
        self._job = job
        self._file = file
        self._page = page
        self._seen = ""

    def read(self) -> LatencySnapshot:
        """Take in a new load, then read the page."""
        self._look()
        return self._page.read()

    def _look(self) -> None:
        try:
            text = self._file.read_text(encoding="utf-8")
        except FileNotFoundError:
            return
        if text == self._seen:
            return
        self._seen = text
        try:
            self._node.set_rate(self._job, float(text))
        except (ValueError, MadeUpError) as error:
            log.warning("%s: the load in %s is none: %s", self._job, self._file, error)
            return
        log.info("%s: offered %s requests/s from now", self._job, text.strip())
