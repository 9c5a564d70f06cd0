"""A made-up powercap tree: counters of processors and memory that wrap as real ones do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

AMD_RANGE_UJ = 65_532_610_987
INTEL_RANGE_UJ = 262_143_328_850


@dataclass(slots=True)
class MadeUpZone:
    """One counter; `spend` lets it count."""

    folder: Path
    name: str
    range_uj: int = INTEL_RANGE_UJ
    energy_uj: int = 1_000_000

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True)
        (self.folder / "name").write_text(f"{self.name}\n")
        (self.folder / "max_energy_range_uj").write_text(f"{self.range_uj}\n")
        self.write()

    def spend(self, joules: float) -> None:
        """Count so many joules, over as many wraps as that takes."""
        self.energy_uj = (self.energy_uj + round(joules * 1e6)) % self.range_uj
        self.write()

    def write(self) -> None:
        """Show what was counted."""
        (self.folder / "energy_uj").write_text(f"{self.energy_uj}\n")


def intel_server(root: Path) -> dict[str, MadeUpZone]:
    """Two sockets with cores and memory, the platform, and the packages repeated by mmio."""
    zones = {}
    for socket in (0, 1):
        package = root / f"intel-rapl:{socket}"
        zones[f"package-{socket}"] = MadeUpZone(package, f"package-{socket}")
        zones[f"core-{socket}"] = MadeUpZone(root / f"intel-rapl:{socket}:0", "core")
        zones[f"dram-{socket}"] = MadeUpZone(root / f"intel-rapl:{socket}:1", "dram")
        zones[f"mmio-{socket}"] = MadeUpZone(
            root / f"intel-rapl-mmio:{socket}", f"package-{socket}"
        )
    zones["psys"] = MadeUpZone(root / "intel-rapl:2", "psys")
    return zones


def amd_server(root: Path) -> dict[str, MadeUpZone]:
    """One socket with cores, as the kernel shows an EPYC processor."""
    return {
        "package-0": MadeUpZone(root / "intel-rapl:0", "package-0", AMD_RANGE_UJ),
        "core-0": MadeUpZone(root / "intel-rapl:0:0", "core", AMD_RANGE_UJ),
    }
