"""The Docker engine: that it answers, how old it is, and how it drives cgroups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from components.actuation.errors import HostAwayError
from components.doctor.finding import Finding, advice, ok, problem
from components.errors import JoulepilotError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from components.actuation.engine_api import EngineApi


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """What matters of an engine."""

    version: str
    cgroup_driver: str
    cgroup_version: str
    live_restore: bool
    cdi: bool

    @property
    def is_systemd(self) -> bool:
        """Whether systemd owns the containers' cgroups, and may write them anew at any time."""
        return self.cgroup_driver == "systemd"


def read_engine(engine: EngineApi) -> EngineFacts:
    """Ask an engine for what matters.

    Raises:
        JoulepilotError: it does not answer, or not like a Docker engine.
    """
    info: Any = engine.get("/info")
    try:
        return EngineFacts(
            version=str(info["ServerVersion"]),
            cgroup_driver=str(info.get("CgroupDriver", "unknown")),
            cgroup_version=str(info.get("CgroupVersion", "unknown")),
            live_restore=bool(info.get("LiveRestoreEnabled")),
            cdi=bool(info.get("CDISpecDirs")),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise HostAwayError(
            "asked the Docker engine for its facts",
            f"its answer lacks {error}",
            "see whether a Docker engine listens on that socket",
        ) from error


def check_engine(engine: EngineApi) -> tuple[EngineFacts | None, list[Finding]]:
    """Look at the engine; its facts are None where it cannot be asked."""
    try:
        facts = read_engine(engine)
    except JoulepilotError as error:
        return None, [problem("Docker", error.found, error.remedy)]
    return facts, list(_judge(facts))


def _judge(facts: EngineFacts) -> Iterator[Finding]:
    yield ok(
        "Docker",
        f"{facts.version}, cgroup version {facts.cgroup_version}, driver {facts.cgroup_driver}",
    )
    if not facts.live_restore:
        yield advice(
            "Docker",
            "live-restore is off: an upgrade of the engine stops every container",
            'set {"live-restore": true} in daemon.json and reload',
        )
