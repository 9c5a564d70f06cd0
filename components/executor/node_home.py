"""Where an executor keeps what it keeps."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.executor.lock import NodeLock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class NodeHome:
    """The folder `node` of a home."""

    home: Path

    @property
    def folder(self) -> Path:
        """All of it."""
        return self.home / "node"

    @property
    def journal(self) -> Path:
        """Originals of the containers that were changed."""
        return self.folder / "journal.json"

    @property
    def state(self) -> Path:
        """What is remembered over restarts."""
        return self.folder / "state.json"

    @property
    def overrides(self) -> Path:
        """What an operator said of running jobs."""
        return self.folder / "overrides.json"

    @property
    def administrator_file(self) -> Path:
        """What the administrator says of the node."""
        return self.folder / "administrator.toml"

    @property
    def jobs_file(self) -> Path:
        """What the administrator says of jobs."""
        return self.folder / "jobs.toml"

    @property
    def bundles(self) -> Path:
        """Bundles that decide here or did."""
        return self.folder / "bundles"

    @property
    def buffer(self) -> Path:
        """Events the hub has not taken yet."""
        return self.folder / "buffer"

    @property
    def replacement(self) -> Path:
        """A replacement of a container that is under way."""
        return self.folder / "replacement.json"

    @property
    def power_learned(self) -> Path:
        """What a power counter taught the model of this node."""
        return self.folder / "power.json"

    @property
    def hints(self) -> Path:
        """What stood in hint directories before we wrote there."""
        return self.folder / "hints.json"

    @property
    def frozen(self) -> Path:
        """Containers that were paused."""
        return self.folder / "frozen.json"

    @property
    def frequencies(self) -> Path:
        """What the CPUs' frequencies were set to before us."""
        return self.folder / "frequencies.json"

    @property
    def tuning(self) -> Path:
        """What was learned of this node's devices beyond the classifier."""
        return self.folder / "tuning.json"

    @property
    def socket(self) -> Path:
        """The control socket."""
        return self.folder / "control.sock"

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Be the only executor of this home.

        Raises:
            LockedError: another one is, or the home cannot be written.
        """
        lock = NodeLock(self.folder / "lock")
        lock.acquire()
        try:
            yield
        finally:
            lock.release()
