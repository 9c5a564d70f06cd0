"""What a server's process shows: libraries, environment, threads and where they may run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.node.cpuset import CpuSet, parse_cpu_list

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from components.doctor.roots import Roots

_LIBRARIES = {
    "onnxruntime": ("libonnxruntime", "onnxruntime_pybind11"),
    "OpenMP": ("libgomp", "libiomp5", "libomp.", "libomp-"),
    "PyTorch": ("libtorch",),
    "TensorFlow": ("libtensorflow",),
    "OpenBLAS": ("libopenblas", "libscipy_openblas"),
}


@dataclass(frozen=True, slots=True)
class ProcessFacts:
    """One process, as the kernel shows it."""

    pid: int
    program: str
    environment: Mapping[str, str]
    libraries: frozenset[str]
    """Of those that bring thread pools of their own."""
    thread_cpus: tuple[CpuSet, ...]
    """Where each thread may run."""

    @property
    def n_pinned(self) -> int:
        """Threads that may run on a single CPU: they pinned themselves."""
        return sum(len(cpus) == 1 for cpus in self.thread_cpus)

    def number(self, variable: str) -> int | None:
        """A variable of the environment as a number; None where it is none."""
        text = self.environment.get(variable, "")
        return int(text) if text.isdecimal() else None


def read_process(roots: Roots, pid: int) -> ProcessFacts | None:
    """Read a process; None where it has ended or may not be looked at."""
    folder = roots.proc / str(pid)
    program = roots.text(folder / "comm")
    if program is None:
        return None
    maps = roots.text(folder / "maps") or ""
    mapped = {line.rpartition("/")[2] for line in maps.splitlines()}
    return ProcessFacts(
        pid=pid,
        program=program,
        environment=_environment(roots.text(folder / "environ") or ""),
        libraries=frozenset(
            library
            for library, names in _LIBRARIES.items()
            if any(file.startswith(names) for file in mapped)
        ),
        thread_cpus=_threads(roots, folder),
    )


def _environment(text: str) -> dict[str, str]:
    pairs = (entry.partition("=") for entry in text.split("\0"))
    return {name: value for name, equals, value in pairs if equals}


def _threads(roots: Roots, folder: Path) -> tuple[CpuSet, ...]:
    lines = (
        line
        for status in sorted(folder.glob("task/[0-9]*/status"))
        for line in (roots.text(status) or "").splitlines()
    )
    return tuple(
        parse_cpu_list(line.partition(":")[2])
        for line in lines
        if line.startswith("Cpus_allowed_list:")
    )
