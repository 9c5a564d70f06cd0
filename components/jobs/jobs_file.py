"""What the node's administrator says of jobs in `jobs.toml`, and how it joins with labels."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from components.jobs.errors import JobError
from components.jobs.labels import settings_from_labels
from components.jobs.settings import Setting, deferred_from_settings, job_from_settings
from components.jobs.values import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from components.jobs.deferred import DeferredJob
    from components.jobs.job import Job

_TABLE = "jobs"


@dataclass(frozen=True, slots=True)
class JobOverride:
    """Keys of one job, written like labels without their prefix, and where they were said."""

    name: str
    values: Mapping[str, str]
    """For example {"target-ms": "7"}."""
    where: str
    """For messages: the file, or "live override"."""

    def settings(self) -> dict[str, Setting]:
        """Every key with its place, for messages; `enable` goes without saying."""
        written = {
            key: Setting(text, f"{key} of [{_TABLE}.{self.name}] in {self.where}")
            for key, text in self.values.items()
        }
        return {"enable": Setting("true", self.where), **written}


def read_jobs_file(path: Path) -> Mapping[str, JobOverride]:
    """Read `[jobs.NAME]` tables; a file that does not exist has none.

    Keys and values are judged by `merge`, job by job, so that one bad job spares the others.

    Raises:
        JobError: the file is no TOML, or not built of `[jobs.NAME]` tables of plain values.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise JobError(
            f"asked for the jobs in {path}",
            f"it cannot be read: {error}",
            "correct the file; until then its jobs stay as they were",
        ) from error
    for word in document:
        if word != _TABLE:
            raise _bad(path, word, f"did you mean [{nearest(word, (_TABLE,))}.NAME]?")
    return {
        name: JobOverride(name, _texts(path, name, table), str(path))
        for name, table in _tables(path, document.get(_TABLE, {})).items()
    }


def merge(
    name: str,
    live: JobOverride | None,
    file: JobOverride | None,
    labels: Mapping[str, str],
) -> Job | DeferredJob | None:
    """Join what was said of a container: live override over file over label, key by key.

    A file or live override that does not speak of `enable` enables.

    Returns:
        A service, or work that may wait; None when the container is not enabled.

    Raises:
        JobError: a key is unknown, a value bad, or one that is needed missing.
    """
    settings = settings_from_labels(name, labels)
    for override in (file, live):
        if override is not None:
            settings |= override.settings()
    return job_from_settings(name, settings) or deferred_from_settings(name, settings)


def _tables(path: Path, jobs: object) -> dict[str, object]:
    if not isinstance(jobs, dict):
        raise _bad(path, _TABLE, "write one table [jobs.NAME] a job")
    return jobs


def _texts(path: Path, name: str, table: object) -> dict[str, str]:
    if not isinstance(table, dict):
        raise _bad(path, f"{_TABLE}.{name}", f"write a table [jobs.{name}] with key = value lines")
    return {key: _text(path, f"{_TABLE}.{name}.{key}", value) for key, value in table.items()}


def _text(path: Path, key: str, value: object) -> str:
    """Write a TOML value the way a label would say it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str | int | float):
        return str(value)
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ",".join(value)
    raise _bad(path, key, "give a number, a text, true, false or a list of texts")


def _bad(path: Path, key: str, remedy: str) -> JobError:
    return JobError(f"asked for {key!r} in {path}", "it is not what a jobs file is made of", remedy)
