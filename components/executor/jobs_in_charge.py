"""Which containers are jobs: labels, `jobs.toml` and live overrides together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.actuation.replacement_journal import NEW_SUFFIX
from components.jobs.deferred import DeferredJob
from components.jobs.errors import JobError
from components.jobs.job import Mode
from components.jobs.jobs_file import merge, read_jobs_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from components.actuation.host import Container, Host
    from components.jobs.job import Job
    from components.jobs.jobs_file import JobOverride
    from components.jobs.live_overrides import LiveOverrides


@dataclass(frozen=True, slots=True)
class Managed:
    """A container and the job it is."""

    container: Container
    job: Job


@dataclass(frozen=True, slots=True)
class ManagedWork:
    """A container and the work in it that may wait."""

    container: Container
    job: DeferredJob


@dataclass(frozen=True, slots=True)
class Discovery:
    """What was found on a host."""

    managed: tuple[Managed, ...]
    works: tuple[ManagedWork, ...]
    """Those whose work may wait."""
    container_ids: frozenset[str]
    """All that run, managed or not."""
    health: tuple[str, ...]
    """One line per mistake in what was said; the container it is about is left alone."""


class JobsInCharge:
    """Looks which containers are to be managed."""

    def __init__(
        self, jobs_file: Path, overrides: LiveOverrides, only: tuple[str, str] | None = None
    ) -> None:
        """Look at all containers, or at those alone that carry the label `only` (key, value)."""
        self._jobs_file = jobs_file
        self._only = only
        self._overrides = overrides
        self._last_file: Mapping[str, JobOverride] = {}
        self._last_live: Mapping[str, JobOverride] = {}

    def discover(self, host: Host) -> Discovery:
        """Look now; mistakes of people are lines of health, not errors.

        Raises:
            HostAwayError: the host does not answer.
        """
        wrong: list[str] = []
        in_file = self._from_file(wrong)
        live = self._live(wrong)
        managed: dict[str, Managed | ManagedWork] = {}
        containers = host.containers()
        for container in sorted(containers, key=lambda c: (c.name, c.id)):
            if not self._may_look_at(container):
                continue
            name = container.name
            try:
                job = merge(name, live.get(name), in_file.get(name), container.labels)
            except JobError as error:
                wrong.append(f"{name} is left alone: {error}")
                continue
            if job is None:
                continue
            if job.name in managed:
                wrong.append(f"{name} is left alone: two containers are the job {job.name!r}")
                continue
            if isinstance(job, DeferredJob):
                managed[job.name] = ManagedWork(container, job)
            else:
                managed[job.name] = Managed(container, job)
        wrong.extend(_nobody(in_file, live, {container.name for container in containers}))
        ids = frozenset(container.id for container in containers)
        return Discovery(
            tuple(one for one in managed.values() if isinstance(one, Managed)),
            tuple(one for one in managed.values() if isinstance(one, ManagedWork)),
            ids,
            tuple(wrong),
        )

    def manages(self, container: Container) -> bool:
        """Whether what is said of a container now lets us change it; a mistake says no."""
        if not self._may_look_at(container):
            return False
        name, wrong = container.name, list[str]()
        live, in_file = self._live(wrong), self._from_file(wrong)
        try:
            job = merge(name, live.get(name), in_file.get(name), container.labels)
        except JobError:
            return False
        return job is not None and job.mode is not Mode.OFF

    def _may_look_at(self, container: Container) -> bool:
        if container.name.endswith(NEW_SUFFIX):
            return False  # takes the place of another one in a moment
        return self._only is None or container.labels.get(self._only[0]) == self._only[1]

    def _from_file(self, wrong: list[str]) -> Mapping[str, JobOverride]:
        """What the file says, or said when it could last be read."""
        try:
            self._last_file = read_jobs_file(self._jobs_file)
        except JobError as error:
            wrong.append(str(error))
        return self._last_file

    def _live(self, wrong: list[str]) -> Mapping[str, JobOverride]:
        try:
            self._last_live = self._overrides.read()
        except JobError as error:
            wrong.append(str(error))
        return self._last_live


def _nobody(
    in_file: Mapping[str, JobOverride], live: Mapping[str, JobOverride], names: set[str]
) -> list[str]:
    return [
        f"{where.where} names {name!r}, and no such container runs"
        for name, where in sorted({**in_file, **live}.items())
        if name not in names
    ]
