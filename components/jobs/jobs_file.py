"""What the node's administrator says of jobs in `jobs.toml`, and how it joins with labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from components.jobs.job import Job


@dataclass(frozen=True, slots=True)
class JobOverride:
    """Keys of one job, written like labels without their prefix, and where they were said."""

    name: str
    values: Mapping[str, str]
    """For example {"target-ms": "7"}."""
    where: str
    """For messages: the file, or "live override"."""


def read_jobs_file(path: Path) -> Mapping[str, JobOverride]:
    """Read `[jobs.NAME]` tables; a file that does not exist has none.

    Raises:
        JobError: the file is no TOML, or not built of `[jobs.NAME]` tables of plain values.
    """
    raise NotImplementedError


def merge(
    name: str,
    live: JobOverride | None,
    file: JobOverride | None,
    labels: Mapping[str, str],
) -> Job | None:
    """Join what was said of a container: live override over file over label, key by key.

    A file or live override that does not speak of `enable` enables.

    Returns:
        None when the container is not enabled.

    Raises:
        JobError: a key is unknown, a value bad, or one that is needed missing.
    """
    raise NotImplementedError
