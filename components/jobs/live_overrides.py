"""What an operator said of running jobs with `joulepilot-node manage`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from components.durable_file import replace_file
from components.jobs.errors import JobError
from components.jobs.jobs_file import JobOverride
from components.jobs.settings import check_setting

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_VERSION = 1


class LiveOverrides:
    """A small JSON file: job name to keys, written like labels without their prefix.

    One writer at a time; readers always find a whole file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Mapping[str, JobOverride]:
        """Read all; none when the file does not exist.

        Raises:
            JobError: the file is damaged.
        """
        try:
            document = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise self._damaged(str(error)) from error
        if not isinstance(document, dict) or document.get("version") != _VERSION:
            raise self._damaged(f"it is not of version {_VERSION}")
        return {
            name: JobOverride(name, values, str(self._path))
            for name, values in self._jobs(document.get("jobs")).items()
        }

    def update(self, name: str, values: Mapping[str, str]) -> JobOverride:
        """Set keys of a job beside those set before; checked before anything is written.

        Raises:
            JobError: a key is unknown, a value bad, or the file is damaged or cannot be written.
        """
        jobs = dict(self.read())
        before = jobs[name].values if name in jobs else {}
        override = JobOverride(name, {**before, **values}, str(self._path))
        for key, setting in override.settings().items():
            check_setting(key, setting)
        jobs[name] = override
        self._write(jobs)
        return override

    def clear(self, name: str) -> None:
        """Forget what was said of a job.

        Raises:
            JobError: the file is damaged or cannot be written.
        """
        jobs = dict(self.read())
        if jobs.pop(name, None) is not None:
            self._write(jobs)

    def _write(self, jobs: Mapping[str, JobOverride]) -> None:
        texts = {name: dict(override.values) for name, override in jobs.items()}
        document = json.dumps({"version": _VERSION, "jobs": texts}, indent=2, sort_keys=True)
        try:
            replace_file(self._path, document + "\n")
        except OSError as error:
            raise JobError(
                f"asked to write {self._path}",
                str(error),
                "free space, or let the owner of its folder ask",
            ) from error

    def _jobs(self, jobs: object) -> dict[str, dict[str, str]]:
        if not (isinstance(jobs, dict) and all(_is_texts(values) for values in jobs.values())):
            raise self._damaged("its jobs are not texts by key")
        return jobs

    def _damaged(self, found: str) -> JobError:
        return JobError(
            f"asked for the live overrides in {self._path}",
            f"it cannot be used: {found}",
            "remove the file and say again what it said; labels and jobs.toml are in force",
        )


def _is_texts(values: object) -> bool:
    return isinstance(values, dict) and all(isinstance(text, str) for text in values.values())
