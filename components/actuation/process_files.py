"""Plain processes that are jobs: a small JSON file each, and how one is known again."""

from __future__ import annotations

import json
import logging
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.actuation.errors import ContainerGoneError, RefusedError
from components.durable_file import replace_file

if TYPE_CHECKING:
    from collections.abc import Mapping

_LOG = logging.getLogger(__name__)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_ID = re.compile(r"(.+)@([0-9]+)-([0-9]+)-([0-9a-f]*)")
_STATE, _START = 0, 19  # fields 3 and 22 of /proc/PID/stat, counted after the name
_BOOT_DIGITS = 8


@dataclass(frozen=True, slots=True)
class ProcessKey:
    """A process that was; its number may have gone to another one since."""

    pid: int
    start_ticks: int
    """Kernel ticks from boot to its start."""
    boot: str
    """Beginning of the kernel's boot id, since ticks count from boot."""

    def is_alive(self, proc: Path) -> bool:
        """Whether that very process still runs."""
        try:
            return read_process_key(self.pid, proc) == self
        except ContainerGoneError:
            return False


@dataclass(frozen=True, slots=True)
class DeclaredProcess:
    """A process and what its owner says of it."""

    name: str
    key: ProcessKey
    labels: Mapping[str, str]
    program: str

    @property
    def id(self) -> str:
        """Names this very process; enough to find it again without its file."""
        return f"{self.name}@{self.key.pid}-{self.key.start_ticks}-{self.key.boot}"


def key_of(container_id: str) -> ProcessKey:
    """Read the process out of an id.

    Raises:
        RefusedError: no process was ever given that id: it is of another kind of host.
    """
    match = _ID.fullmatch(container_id)
    if match is None:
        raise RefusedError(
            f"asked for the process {container_id!r}",
            "that is no id of a declared process",
            "ask the host that holds it, which may be the Docker engine",
        )
    return ProcessKey(int(match[2]), int(match[3]), match[4])


def declare(
    registry: Path,
    name: str,
    pid: int,
    *,
    labels: Mapping[str, str],
    program: str,
    proc: Path = Path("/proc"),
) -> Path:
    """Write the file that makes a running process a job of this node; remove it to end that.

    Raises:
        RefusedError: the name cannot be that of a file.
        ContainerGoneError: there is no such process.
        OSError: the file cannot be written.
    """
    if not _NAME.fullmatch(name):
        raise RefusedError(
            f"asked to declare a process as {name!r}",
            "that is no plain name",
            "use letters, digits, '-', '_' and '.', beginning with a letter or digit",
        )
    declared = DeclaredProcess(name, read_process_key(pid, proc), dict(labels), program)
    path = registry / f"{name}.json"
    replace_file(path, json.dumps(asdict(declared), indent=2, sort_keys=True) + "\n")
    return path


def read_declared(registry: Path) -> tuple[DeclaredProcess, ...]:
    """Read all files of a folder; one that cannot be read is left out and logged."""
    found = []
    for path in sorted(registry.glob("*.json")):
        try:
            found.append(_parse(json.loads(path.read_text(encoding="utf-8"))))
        except FileNotFoundError:
            continue
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            _LOG.warning("%s declares no process: %r; write it again or remove it", path, error)
    return tuple(found)


def read_process_key(pid: int, proc: Path) -> ProcessKey:
    """Read what tells a process from a later one with the same number.

    Raises:
        ContainerGoneError: it does not run.
    """
    try:
        stat = (proc / str(pid) / "stat").read_text()
    except OSError as error:
        raise _gone(f"the process {pid}", "it is not there") from error
    fields = stat.rpartition(")")[2].split()
    if fields[_STATE] in {"Z", "X"}:
        raise _gone(f"the process {pid}", "it has ended")
    return ProcessKey(pid, int(fields[_START]), _boot(proc))


def _boot(proc: Path) -> str:
    try:
        boot_id = (proc / "sys/kernel/random/boot_id").read_text()
    except OSError:
        return ""
    return boot_id.replace("-", "")[:_BOOT_DIGITS]


def _parse(document: Any) -> DeclaredProcess:
    key = document["key"]
    return DeclaredProcess(
        name=str(document["name"]),
        key=ProcessKey(int(key["pid"]), int(key["start_ticks"]), str(key["boot"])),
        labels={str(k): str(v) for k, v in document["labels"].items()},
        program=str(document["program"]),
    )


def _gone(asked: str, found: str) -> ContainerGoneError:
    return ContainerGoneError(
        f"asked for {asked}", found, "nothing: declare it again when it runs again"
    )
