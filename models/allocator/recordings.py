"""Sweeps measured elsewhere: folders of `NAME.csv` and `NAME.json`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from models.allocator.arena import Case
from models.allocator.errors import RecordingError
from models.allocator.recording_rows import read_rows
from models.allocator.recording_sidecar import read_sidecar
from models.allocator.recording_topology import recorded_topology

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from components.jobs.candidate import Candidate
    from components.node.topology import Topology
    from models.allocator.recording_rows import Measurement
    from models.allocator.recording_sidecar import Sidecar

FAMILY = "recording"


@dataclass(frozen=True, slots=True)
class Recording:
    """A sweep of one job on one node; what counts as true of an allocation is its mean."""

    name: str
    """The folder's name, a slash, and NAME."""
    sidecar: Sidecar
    topology: Topology
    candidates: tuple[Candidate, ...]
    """Every allocation that was recorded, once; ascending."""
    latency_ms: NDArray[np.float64]
    """Shape (C,): mean over the rows of each allocation, in the recording's unit."""
    power_w: NDArray[np.float64]
    """Shape (C,): mean over the rows of each allocation."""

    def cases(self, noise: float) -> tuple[Case, ...]:
        """One case for each target, in the sidecar's order.

        Args:
            noise: sigma of the log latency that each reading is to have.
        """
        return tuple(
            Case(
                name=f"{self.name}@{position}",
                family=FAMILY,
                candidates=self.candidates,
                latency_ms=self.latency_ms,
                power_w=self.power_w,
                target_ms=float(target_ms),
                n_logical=self.topology.n_logical,
                n_physical=self.topology.n_physical,
                noise=noise,
                topology=self.topology,
                idle_w=self.sidecar.idle_w,
                node_targets_ms=self.sidecar.targets_ms,
            )
            for position, target_ms in enumerate(self.sidecar.targets_ms)
        )


def read_recordings(folder: Path, *, besides: Path | None = None) -> tuple[Recording, ...]:
    """Read every recording of a folder, by name.

    Sub-folders are looked into when the folder itself has no CSV; NAME then begins with theirs.

    Args:
        folder: where the recordings lie.
        besides: a CSV that is none of them, as predictions written there by an earlier run.

    Raises:
        RecordingError: there is none, one lacks a file, or one is damaged.
    """
    folder = Path(os.path.abspath(folder))  # noqa: PTH100 - a link to a folder keeps its own name
    if not folder.is_dir():
        raise RecordingError(
            f"asked for the recordings of {folder}", "that is no folder", "give a folder"
        )
    ignored = None if besides is None else Path(os.path.abspath(besides))  # noqa: PTH100
    tables = _tables(folder, "*", ignored) or _tables(folder, "**/*", ignored)
    if not tables:
        raise RecordingError(
            f"asked for the recordings of {folder}",
            "it holds no CSV",
            "give a folder with NAME.csv and NAME.json",
        )
    return tuple(
        read_recording(table, f"{folder.name}/{table.relative_to(folder).with_suffix('')}")
        for table in tables
    )


def _tables(folder: Path, pattern: str, ignored: Path | None) -> list[Path]:
    """CSVs, and those that a sidecar speaks of though they are gone."""
    tables = {path for path in folder.glob(f"{pattern}.csv") if path != ignored}
    lost = {path.with_suffix(".csv") for path in folder.glob(f"{pattern}.json") if _asks(path)}
    return sorted(tables | lost)


def _asks(path: Path) -> bool:
    return b'"targets_ms"' in path.read_bytes()


def read_recording(table: Path, name: str) -> Recording:
    """Read one recording from its CSV and the JSON beside it.

    Raises:
        RecordingError: one of the two is missing or damaged.
    """
    sidecar = read_sidecar(table.with_suffix(".json"))
    rows = read_rows(table, sidecar.n_logical)
    candidates = tuple(sorted({row.candidate for row in rows}))
    return Recording(
        name=name,
        sidecar=sidecar,
        topology=recorded_topology(
            sidecar.n_logical, sidecar.n_physical, sidecar.sockets, sidecar.l3_groups
        ),
        candidates=candidates,
        latency_ms=_means(candidates, rows, "latency_ms"),
        power_w=_means(candidates, rows, "power_w"),
    )


def _means(
    candidates: tuple[Candidate, ...], rows: tuple[Measurement, ...], name: str
) -> NDArray[np.float64]:
    read: dict[Candidate, list[float]] = {candidate: [] for candidate in candidates}
    for row in rows:
        read[row.candidate].append(getattr(row, name))
    return np.asarray([np.mean(read[candidate]) for candidate in candidates])
