"""What an operator said of running jobs with `joulepilot-node manage`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from components.jobs.jobs_file import JobOverride


class LiveOverrides:
    """A small JSON file: job name to keys, written like labels without their prefix."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Mapping[str, JobOverride]:
        """Read all; none when the file does not exist.

        Raises:
            JobError: the file is damaged.
        """
        raise NotImplementedError

    def update(self, name: str, values: Mapping[str, str]) -> JobOverride:
        """Set keys of a job beside those set before; checked before anything is written.

        Raises:
            JobError: a key is unknown, a value bad, or the file is damaged or cannot be written.
        """
        raise NotImplementedError

    def clear(self, name: str) -> None:
        """Forget what was said of a job."""
        raise NotImplementedError
