"""MLflow's aliases as a mirror of the release log, and what it means when a person moves one.

The log is the truth. After each entry the aliases are set and it is remembered where to; an alias
that is found elsewhere later was moved by hand. That is a request: the version passes the gate
and becomes an entry, or the alias is put back and the person is told why.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.durable_file import replace_file
from components.policy.any_bundle import POLICIES
from components.registry.errors import RegistryError
from components.registry.mlflow_registry import CHAMPION, Registry
from components.releases.log import ReleaseLog
from components.releases.source import RELEASES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from components.registry.facts import RegisteredVersion
    from components.releases.entry import Release
    from components.settings.settings import Settings

logger = logging.getLogger(__name__)
MEMORY = "mirrored.json"


@dataclass(frozen=True, slots=True)
class Moved:
    """An alias `champion` that is not where we set it."""

    policy: str
    wanted: RegisteredVersion
    was: int | None
    """The version it was set to by us; None: to none."""


def mirror(settings: Settings, release: Release) -> str | None:
    """Make MLflow's aliases say what the log says; returns why not where that fails.

    That MLflow is away must keep nobody from rolling back.
    """
    registry = Registry(settings.mlflow_url)
    wrong: str | None = None
    for policy in POLICIES:
        try:
            report = registry.mirror(release, policy)
        except RegistryError as error:
            logger.warning("MLflow does not show release %d yet: %s", release.sequence, error)
            wrong = str(error)
        else:
            _remember(settings.home, policy, report.champion)
    return wrong


def moved_by_hand(settings: Settings) -> tuple[Moved, ...]:
    """Aliases that someone moved since we set them.

    Raises:
        RegistryError: MLflow is away.
    """
    registry = Registry(settings.mlflow_url)
    return tuple(
        Moved(policy, version, was)
        for policy, was in _load(settings.home / MEMORY).items()
        for version in registry.versions(policy)
        if CHAMPION in version.aliases and version.version != was
    )


def catch_up(settings: Settings) -> None:
    """Mirror the log's last entry where MLflow was away when it was made, or its writer killed.

    Raises:
        RegistryError: MLflow is away.
    """
    latest = ReleaseLog(settings.home / RELEASES).latest()
    if latest is None:
        return
    registry = Registry(settings.mlflow_url)
    champions = latest.desired.rings[-1].policies
    shown = {policy: _shown(registry.versions(policy)) for policy in POLICIES}
    if any(
        champions.get(policy) in {None, *known} and champions.get(policy) != champion
        for policy, (known, champion) in shown.items()
    ):
        mirror(settings, latest)


def _shown(versions: Sequence[RegisteredVersion]) -> tuple[frozenset[str], str | None]:
    """Digests that MLflow knows, and that of its champion."""
    champion = next((one.digest for one in versions if CHAMPION in one.aliases), None)
    return frozenset(one.digest for one in versions), champion


def _remember(home: Path, policy: str, version: int | None) -> None:
    known = _load(home / MEMORY)
    if policy in known and known[policy] == version:
        return
    try:
        replace_file(home / MEMORY, json.dumps(known | {policy: version}) + "\n")
    except OSError as error:
        logger.warning("an alias moved by hand may stay; %s is not written: %s", MEMORY, error)


def _load(file: Path) -> dict[str, int | None]:
    try:
        content = json.loads(file.read_text())
        return {
            str(policy): None if version is None else int(version)
            for policy, version in content.items()
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        logger.warning("%s cannot be read, so an alias moved by hand may stay: %s", file, error)
        return {}
