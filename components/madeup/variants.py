"""The server of a made-up job with several versions of its network, of which a hint chooses one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.actuation.hint import decode_hint, read_hint_text
from components.jobs.candidate import CPU_DEVICE, DEFAULT_VARIANT
from components.madeup.slower import Slower
from components.telemetry.served_devices import ServedDevices

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from components.madeup.job import MadeUpJob
    from components.madeup.node import MadeUpNode


class MadeUpVariants:
    """Implements `DeviceSource`; whoever looks at it brings it up to date."""

    def __init__(
        self, node: MadeUpNode, job: MadeUpJob, folder: Path, slowness: Mapping[str, float]
    ) -> None:
        """Take the job, where its hints stand, and how many times as long each version takes."""
        self._node = node
        self._job = job
        self._folder = folder
        self._slowness = {DEFAULT_VARIANT: 1.0, **slowness}
        self._seen = ""
        self.variant = DEFAULT_VARIANT
        self._refusal = ""

    def read(self) -> ServedDevices:
        """Follow a new hint, and say which version answers."""
        text = read_hint_text(self._folder)
        if text != self._seen:
            self._seen = text
            self._follow(decode_hint(text).variant if text else None)
        return ServedDevices(
            CPU_DEVICE,
            (CPU_DEVICE,),
            refusal=self._refusal,
            variants=tuple(self._slowness),
            variant=self.variant,
        )

    def _follow(self, wanted: str | None) -> None:
        variant = wanted or DEFAULT_VARIANT
        if variant not in self._slowness:
            self._refusal = f"it holds no version {variant!r}"
            return
        self._refusal, self.variant = "", variant
        self._node.change_work(
            self._job.name,
            Slower(self._job.response, self._slowness[variant]),
            rate_per_s=self._job.rate_per_s,
            batch_size=self._job.batch_size,
        )
