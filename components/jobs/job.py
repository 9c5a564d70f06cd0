"""A managed container or process, as its owner described it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from components.jobs.errors import JobError

if TYPE_CHECKING:
    from components.jobs.target import Target
    from components.jobs.variant import Variant


class Mode(StrEnum):
    """How far joulepilot may go with a job."""

    OFF = "off"
    RECOMMEND = "recommend"
    CANARY = "canary"
    AUTO = "auto"

    @property
    def acts(self) -> bool:
        """Whether the executor may change the job's CPUs."""
        return self in {Mode.CANARY, Mode.AUTO}


@dataclass(frozen=True, slots=True)
class Job:
    """What the owner of a container says of it; nothing here is measured."""

    name: str
    target: Target
    metrics: str
    """Where its latency is read: `SERVER:PORT/PATH` (port of the container or of this host)."""
    model: str = ""
    batch_size: int = 1
    min_cpus: int = 1
    max_cpus: int | None = None
    """None: all the node has."""
    mode: Mode = Mode.AUTO
    variant: str = "default"
    """What its samples say where its server says nothing of versions."""
    variants: tuple[Variant, ...] = ()
    """Versions that its server holds, and how good they are; none: there is nothing to choose."""
    min_quality: float = 0.0
    """A version below it is not used."""
    devices: tuple[str, ...] = ("cpu",)
    hint_dir: str | None = None
    """Directory of this host that is mounted where the server looks for hints."""
    priority: int = 0
    probe_min_p: float = 0.5
    """Least probability of keeping the target at which a probe may go while another allocation
    keeps it."""
    probe_max_misses: int = 2
    """Candidates that a search may see above the target before it ends."""
    inert: tuple[str, ...] = ()
    """Keys that its owner set and that nothing acts on yet; to be shown to people."""

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise self._bad(f"batch size {self.batch_size}", "give at least 1")
        if self.min_cpus < 1 or (self.max_cpus is not None and self.max_cpus < self.min_cpus):
            raise self._bad(
                f"{self.min_cpus} to {self.max_cpus} CPUs", "give 1 ≤ min-cpus ≤ max-cpus"
            )

        if not 0.0 <= self.probe_min_p <= 1.0:
            raise self._bad(f"probes from a probability of {self.probe_min_p:g}", "give 0 to 1")
        if self.probe_max_misses < 0:
            raise self._bad(f"at most {self.probe_max_misses} missing probes", "give 0 or more")

    def _bad(self, asked: str, remedy: str) -> JobError:
        return JobError(f"asked for {asked} for job {self.name!r}", "that cannot be", remedy)
