"""A machine as files: sysfs, procfs and cgroups that say what a test wants them to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from components.doctor.roots import Roots

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class Machine:
    """Writes files under one folder."""

    folder: Path

    def __post_init__(self) -> None:
        self.roots = Roots(
            sysfs=self.folder / "sys",
            proc=self.folder / "proc",
            cgroup=self.folder / "cgroup",
            run=self.folder / "run",
        )
        self.write("sys/devices/system/cpu/online", "0-7")
        self.write("sys/devices/system/cpu/smt/control", "on")
        self.write("cgroup/cgroup.controllers", "cpuset cpu memory")
        self.governor("schedutil")
        self.program(1, "systemd")
        self.program(2, "chronyd")

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")

    def governor(self, *names: str, driver: str = "acpi-cpufreq") -> None:
        for cpu in range(8):
            folder = f"sys/devices/system/cpu/cpu{cpu}/cpufreq"
            self.write(f"{folder}/scaling_governor", names[cpu % len(names)])
            self.write(f"{folder}/scaling_driver", driver)

    def program(
        self,
        pid: int,
        name: str,
        *,
        environment: str = "",
        libraries: tuple[str, ...] = (),
        threads: tuple[str, ...] = ("0-7",),
    ) -> None:
        self.write(f"proc/{pid}/comm", name)
        self.write(f"proc/{pid}/environ", environment.replace(" ", "\0"))
        maps = "\n".join(f"7f00-7f01 r-xp 0 08:01 5 /usr/lib/{library}" for library in libraries)
        self.write(f"proc/{pid}/maps", maps)
        for number, cpus in enumerate(threads):
            self.write(f"proc/{pid}/task/{pid + number}/status", f"Cpus_allowed_list:\t{cpus}")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)
