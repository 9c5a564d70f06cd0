"""What steering asks the classifier: the devices a job may use, as they are expected to do."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from components.policy.device_predictor import DeviceWork
from components.policy.errors import PolicyError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.jobs.candidate import Candidate
    from components.jobs.job import Job
    from components.policy.device_policies import Expected
    from components.policy.device_predictor import DevicePredictor
    from components.telemetry.served_devices import ServedDevices

MOST_LOAD = 0.85
"""Share of its time that a device may be busy; beyond it requests would queue up."""


class DeviceTuning(Protocol):
    """Corrects predictions of one network by what was seen of it."""

    def observe(self, device: str, log_error: float) -> None:
        """Take in by how much a prediction without correction was off, as a logarithm."""
        ...

    def shift(self, device: str) -> float:
        """What to add to log costs of a device."""
        ...


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks: a job, its server, its CPUs, and the classifier in force."""

    job: Job
    served: ServedDevices
    cpus: Candidate
    predictor: DevicePredictor
    rest_s: float = 0.0
    """Between two batches."""

    @property
    def usable(self) -> tuple[str, ...]:
        """Devices that the job may use and the server holds."""
        return tuple(device for device in self.job.devices if device in self.served.held)

    def expected(
        self, batch: int, tuning: DeviceTuning | None
    ) -> tuple[Mapping[str, Expected], bool]:
        """What is expected of every usable device, and whether the question is a strange one.

        Args:
            batch: inputs.
            tuning: corrects what is predicted; None: as it was learned.

        Raises:
            PolicyError: the server does not say what its network amounts to, or a device was
                never learned.
        """
        if not self.served.features:
            raise PolicyError(
                "asked for a device",
                "the server does not say what its network amounts to",
                "start it with --network-features FILE",
            )
        n_cpus = self.cpus.n_cpus
        columns = {name: self.predictor.column(name, n_cpus) for name in self.usable}
        moved = {
            column: 0.0 if tuning is None else tuning.shift(name)
            for name, column in columns.items()
        }
        work = DeviceWork(
            self.served.features, batch, self._clock, n_cpus, self.rest_s, self.cpus.layout
        )
        outlook = self.predictor.expected(work, moved)
        by_column = {each.device: each for each in outlook.devices}
        found = {name: replace(by_column[column], device=name) for name, column in columns.items()}
        return found, outlook.is_strange

    @property
    def _clock(self) -> float:
        """The least clock of the devices; 1 where none is told (the CPU has none that counts)."""
        shares = self.served.clock_share
        return min((shares[name] for name in self.usable if name in shares), default=1.0)


def bearing(expected: Mapping[str, Expected], images_per_s: float) -> tuple[Expected, ...]:
    """Devices that can carry a load without queues."""
    return tuple(
        each for each in expected.values() if images_per_s <= MOST_LOAD * each.throughput_per_s
    )


def left_out(expected: Mapping[str, Expected], among: tuple[Expected, ...]) -> str:
    """Which devices were not even considered, in words."""
    named = {each.device for each in among}
    out = [device for device in expected if device not in named]
    return f"; {', '.join(out)} cannot bear the load, or missed the target lately" if out else ""


def bucket_of(batch: int) -> int:
    """Batches that are alike: within a factor of two."""
    return round(math.log2(batch))
