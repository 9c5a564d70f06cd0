"""What every processor can be asked, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from components.telemetry.meters import PowerMeter

    Inputs = Mapping[str, NDArray[Any]]


DEEPEST_STEPS = 10
"""P0 runs at the full clock, P8 at about a fifth of it; what is deeper still, at a tenth."""


class Kind(StrEnum):
    """What sort of processor it is."""

    CPU = "cpu"
    IGPU = "igpu"
    DGPU = "dgpu"


class Precision(StrEnum):
    """In which numbers it computes; `int8` needs a quantised network."""

    FP32 = "fp32"
    BF16 = "bf16"
    INT8 = "int8"


@dataclass(frozen=True, slots=True)
class Run:
    """One finished run.

    Attributes:
        outputs: in the order of the network's outputs, in the host's memory.
        total_s: from inputs in the host's memory to outputs there.
        transfer_s: of that, to the device and back; None where both share one memory.
    """

    outputs: tuple[NDArray[Any], ...]
    total_s: float
    transfer_s: float | None


@dataclass(frozen=True, slots=True)
class DeviceState:
    """How awake and how busy a processor is; None where it does not say.

    Attributes:
        clock_share: its clock over its maximum, in [0, 1].
        p_state: `P0` (fastest) to `P15`, of NVIDIA's.
        load: tasks that run or wait, for each of its units; above 1 they queue.
    """

    clock_share: float | None = None
    p_state: str | None = None
    load: float | None = None

    @property
    def awake_share(self) -> float | None:
        """The clock's share; by the P-state, roughly, where the clock is not told; else None."""
        if self.clock_share is not None or self.p_state is None:
            return self.clock_share
        return max(1.0 - int(self.p_state[1:]) / DEEPEST_STEPS, 1.0 / DEEPEST_STEPS)


class LoadedNetwork(Protocol):
    """A network ready to run on one processor at one batch."""

    def run(self, inputs: Inputs) -> Run:
        """Run once; where a run moves data, several threads may run at once.

        Raises:
            NetworkRefusedError: memory does not suffice, or the inputs do not fit.
        """
        ...


class Device(Protocol):
    """One way to run a network: a processor, a runtime, its threads and its precision."""

    @property
    def name(self) -> str:
        """As in tables: `ort-2t`, `openvino-2t`, `igpu:0`, `dgpu:0`."""
        ...

    @property
    def kind(self) -> Kind:
        """What sort of processor it is."""
        ...

    @property
    def precision(self) -> Precision:
        """In which numbers it computes."""
        ...

    @property
    def facts(self) -> Mapping[str, str]:
        """Processor, runtime and version, threads."""
        ...

    @property
    def power(self) -> PowerMeter | None:
        """What reads its energy; None where nothing does."""
        ...

    @property
    def least_energy_s(self) -> float:
        """A shorter time than this its meter cannot resolve."""
        ...

    def load(self, network: Path, batch: int) -> LoadedNetwork:
        """Make a network ready.

        Raises:
            NetworkRefusedError: it cannot be run here.
        """
        ...

    def state(self) -> DeviceState:
        """Read how awake and how busy it is now."""
        ...


@dataclass(frozen=True, slots=True)
class AbsentDevice:
    """A processor that was asked for and is not there."""

    name: str
    reason: str
    remedy: str
