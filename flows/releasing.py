"""Promotions and rollbacks: the release log first, MLflow's aliases as its mirror after."""

from __future__ import annotations

import getpass
import logging
from typing import TYPE_CHECKING

from components.policy.bundle import check_bundle
from components.policy.device_manifest import DEVICE_CLASSIFIER
from components.policy.manifest import CORE_ALLOCATOR
from components.registry.mlflow_registry import Registry
from components.releases import operations
from components.releases.desired import ALL_NODES
from components.releases.log import ReleaseLog
from components.releases.source import BUNDLES, RELEASES
from components.releases.store import BundleStore
from flows.errors import NoReleaseError, NotBetterError, UnknownVersionError
from flows.mirroring import mirror
from flows.verdicts import kept_verdict

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from components.registry.facts import RegisteredVersion
    from components.releases.operations import Outcome
    from components.releases.strict_json import Scalar
    from components.settings.settings import Settings

logger = logging.getLogger(__name__)
MIN_DIGITS = 6


def promote_version(
    settings: Settings,
    version: RegisteredVersion,
    *,
    who: str,
    why: str,
    evidence: Mapping[str, Scalar] | None = None,
    nodes: tuple[str, ...] = ALL_NODES,
    after: int | None = None,
) -> Outcome:
    """Have every node, or those named, run a version from now, if the gate's verdict passes.

    Raises:
        NotJudgedError: the gate never saw it.
        NotBetterError: the gate's verdict is no.
        ConflictError: someone else appended an entry meanwhile.
    """
    verdict = kept_verdict(settings.home, version.digest)
    if not verdict.passed:
        reasons = "; ".join(f"{rule.name}: {rule.found}" for rule in verdict.failures)
        raise NotBetterError(
            f"asked to promote version {version.version} ({version.digest[:12]})",
            f"the gate says no: {reasons}",
            "what runs stays in force; train again when there is more data",
        )
    bundle = BundleStore(settings.home / BUNDLES).path(version.digest)
    outcome = operations.promote(
        settings.home,
        bundle,
        verdict,
        who=who,
        why=why,
        policy=version.policy,
        evidence={"version": version.version, **(evidence or {})},
        nodes=nodes,
        after=after,
    )
    mirror(settings, outcome.release)
    return outcome


def roll_back(
    settings: Settings, *, who: str, why: str, to: int | None = None, after: int | None = None
) -> Outcome:
    """Have every node run what an older release said.

    Raises:
        RefusedError: there is nothing to go back to.
        ConflictError: someone else appended an entry meanwhile.
    """
    outcome = operations.rollback(settings.home, who=who, why=why, to=to, after=after)
    mirror(settings, outcome.release)
    return outcome


def champion_digest(home: Path) -> str | None:
    """Bundle that all nodes run by the release log; None: there is no release yet."""
    release = ReleaseLog(home / RELEASES).latest()
    return None if release is None else release.desired.rings[-1].policies[CORE_ALLOCATOR]


def champion_folder(home: Path) -> Path:
    """Folder of the bundle that all nodes run by the release log.

    Raises:
        NoReleaseError: there is no release yet.
    """
    digest = champion_digest(home)
    if digest is None:
        raise NoReleaseError(
            "asked for the policy in force",
            f"the release log in {home} is empty",
            "start `joulepilot up` once: it makes the first release",
        )
    return BundleStore(home / BUNDLES).path(digest)


def device_champion_folder(home: Path) -> Path | None:
    """Folder of the device classifier that all nodes run by the release log; None: there is none.

    Raises:
        BundleError: it is not kept here any more.
    """
    release = ReleaseLog(home / RELEASES).latest()
    policies = {} if release is None else release.desired.rings[-1].policies
    digest = policies.get(DEVICE_CLASSIFIER)
    return None if digest is None else BundleStore(home / BUNDLES).path(digest)


def learned_from(home: Path) -> int | None:
    """Version of the table `samples` that the policy in force learned from.

    Returns:
        None: it learned from made-up nodes only, or nothing is in force yet.

    Raises:
        BundleError: the bundle in force is damaged.
    """
    try:
        return check_bundle(champion_folder(home)).lake_version
    except NoReleaseError:
        return None


def find_version(settings: Settings, name: str, policy: str = CORE_ALLOCATOR) -> RegisteredVersion:
    """Find a version of a policy by its number or the first letters of its bundle's digest.

    Raises:
        UnknownVersionError: none fits, or several do.
        RegistryError: MLflow is away.
    """
    versions = Registry(settings.mlflow_url).versions(policy)
    fitting = [v for v in versions if str(v.version) == name]
    if not fitting and len(name) >= MIN_DIGITS:
        fitting = [v for v in versions if v.digest.startswith(name)]
    if len(fitting) == 1:
        return fitting[0]
    listed = ", ".join(f"{v.version} ({v.digest[:12]})" for v in versions) or "none"
    raise UnknownVersionError(
        f"asked for the version {name!r} of {policy}",
        f"{len(fitting)} fit; the registry has {listed}",
        f"give a number, or at least {MIN_DIGITS} letters of a digest",
    )


def whoami() -> str:
    """Name of the person at this machine, for the log."""
    return getpass.getuser()
