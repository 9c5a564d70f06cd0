"""Where the kernel and the system show themselves; made-up trees take their place in tests."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Roots:
    """Folders that are looked into; nothing is written."""

    sysfs: Path = Path("/sys")
    proc: Path = Path("/proc")
    cgroup: Path = Path("/sys/fs/cgroup")
    run: Path = Path("/run")

    def text(self, path: Path) -> str | None:
        """Content of a file; None where it is absent or may not be read."""
        try:
            return path.read_text(errors="replace").strip()
        except OSError:
            return None

    def programs(self) -> dict[str, int]:
        """Names of all programs that run, and the process number of one of each."""
        found = {}
        for folder in self.proc.glob("[0-9]*"):
            name = self.text(folder / "comm")
            if name:
                found[name] = int(folder.name)
        return found
