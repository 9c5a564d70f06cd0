"""Trainings and versions in MLflow, and its aliases as a mirror of the release log."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import quote

from components.policy.manifest import CORE_ALLOCATOR
from components.registry.errors import RegistryRefusedError
from components.registry.facts import Lineage, MirrorReport, RegisteredVersion, TrainingFacts
from components.registry.mlflow_client import asking, connect
from components.registry.model_files import read_manifest
from components.registry.runs import CONTEXT, TRAINING, log_run, read_scores
from components.registry.versions import (
    aliases,
    all_versions,
    create,
    keep_first,
    with_digest,
)
from components.releases.canary import ENDED_AS, TRIED

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from components.releases.entry import Release
    from components.releases.scores import Scores

CHAMPION = "champion"
CHALLENGER = "challenger"
_UI = "workflowType=machine_learning"  # the pages open in another mode without it


class Registry:
    """One MLflow server. Every method raises RegistryError: within seconds when it is away."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._client = connect(self._url)

    def log_training(self, facts: TrainingFacts) -> str:
        """Log one training as a run and return the run's id.

        Scores are logged as means, as `ROLE/regret_mean` and so on, and case by case as a file.
        """
        with asking(self._url, f"log the training {facts.name!r}"):
            return log_run(self._client, facts)

    def register(self, bundle: Path, run_id: str | None = None) -> RegisteredVersion:
        """Register a bundle as a version and as challenger; one already registered stays.

        Asking again after the server went away in the middle finishes what was begun.

        Args:
            bundle: its folder.
            run_id: of the training; None: it was not trained here.

        Raises:
            BundleError: the bundle is damaged.
        """
        digest, manifest = read_manifest(bundle)
        with asking(self._url, f"register bundle {digest[:12]}"):
            known = keep_first(self._client, manifest.kind, digest)
            if known is None:
                create(self._client, bundle, digest, manifest, run_id)
                known = keep_first(self._client, manifest.kind, digest)
            if known is not None and self._is_news(known):
                number = str(known.version)
                self._client.set_registered_model_alias(manifest.kind, CHALLENGER, number)
                known = with_digest(self._client, manifest.kind, digest)
        if known is None:
            raise _unknown(manifest.kind, digest)
        return known

    def _is_news(self, version: RegisteredVersion) -> bool:
        """Whether a version is the newest, was never in force, and is not called challenger yet."""
        newest = all_versions(self._client, version.policy)[-1]
        never_ran = version.release_sequence is None and CHAMPION not in version.aliases
        return never_ran and version == newest and CHALLENGER not in version.aliases

    def mirror(self, release: Release, policy: str = CORE_ALLOCATOR) -> MirrorReport:
        """Make the aliases say what a release says; one that was moved by hand is put back.

        Champion is what all nodes run. Challenger is what a canary's nodes run; without one it
        is the newest version registered, until that is champion. Of a policy that nobody ever
        registered there is nothing to say.

        Raises:
            RegistryError: MLflow is away, or has no version of the bundle that is released.
        """
        *canaries, settled = [ring.policies.get(policy) for ring in release.desired.rings]
        with asking(self._url, f"mirror release {release.sequence}"):
            if not all_versions(self._client, policy):
                return MirrorReport(None, None, None)
            before = self._aliases(policy)
            champion = None if settled is None else self._version_of(policy, settled)
            if champion is None:
                self._say_nobody(policy, release, before)
            else:
                self._point(policy, CHAMPION, champion, before)
                self._say_who(policy, champion, release, is_new=before.get(CHAMPION) != champion)
            self._say_canary(policy, release)
            if canaries:
                self._point(policy, CHALLENGER, self._version_of(policy, canaries[0]), before)
            elif champion is not None and before.get(CHALLENGER) == champion:
                self._client.delete_registered_model_alias(policy, CHALLENGER)
            after = self._aliases(policy)
        return MirrorReport(champion, before.get(CHAMPION), after.get(CHALLENGER))

    def _say_who(self, policy: str, champion: int, release: Release, *, is_new: bool) -> None:
        """Make the registry's page alone tell which version is champion, since when, and why."""
        number, since = str(champion), f"{release.when:%Y-%m-%d %H:%M} UTC"
        self._client.set_model_version_tag(
            policy, number, "release_sequence", str(release.sequence)
        )
        if not is_new:
            return
        facts = {"champion_since": since, "promoted_by": release.who, "why": release.why}
        for name, value in facts.items():
            self._client.set_model_version_tag(policy, number, name, value)
        self._client.update_registered_model(
            policy,
            f"Champion is version {number} since {since}, release {release.sequence} "
            f"({release.kind}) by {release.who}: {release.why}",
        )

    def _say_nobody(self, policy: str, release: Release, before: dict[str, int]) -> None:
        """Take the alias away where a release has no such policy any more."""
        if CHAMPION not in before:
            return
        self._client.delete_registered_model_alias(policy, CHAMPION)
        self._client.update_registered_model(
            policy,
            f"No champion since {release.when:%Y-%m-%d %H:%M} UTC, release {release.sequence} "
            f"({release.kind}) by {release.who}: {release.why}",
        )

    def _say_canary(self, policy: str, release: Release) -> None:
        """Keep with a version how its canary ended."""
        tried, ended_as = (release.evidence.get(name) for name in (TRIED, ENDED_AS))
        version = with_digest(self._client, policy, tried) if isinstance(tried, str) else None
        if version is not None:
            said = f"{ended_as}, release {release.sequence}: {release.why}"
            self._client.set_model_version_tag(policy, str(version.version), "canary", said)

    def versions(self, policy: str = CORE_ALLOCATOR) -> tuple[RegisteredVersion, ...]:
        """All versions of a policy, oldest first."""
        with asking(self._url, f"list the versions of {policy}"):
            return all_versions(self._client, policy)

    def lineage(self, digest: str, policy: str = CORE_ALLOCATOR) -> Lineage:
        """Where the version of a bundle comes from.

        Raises:
            RegistryError: MLflow is away, or has no version of that bundle.
        """
        with asking(self._url, f"tell where bundle {digest[:12]} comes from"):
            version = with_digest(self._client, policy, digest)
            if version is None:
                raise _unknown(policy, digest)
            if version.run_id is None:
                return Lineage(version, None, (), None, {})
            run = self._client.get_run(version.run_id)
        inputs = tuple(
            f"{item.dataset.name} {item.dataset.digest} of {item.dataset.source}"
            for item in (run.inputs.dataset_inputs if run.inputs else ())
            if TRAINING in {tag.value for tag in item.tags if tag.key == CONTEXT}
        )
        return Lineage(
            version,
            run.info.run_name,
            inputs,
            run.data.tags.get("champion_digest"),
            dict(run.data.metrics),
            run.data.tags.get("evaluation_set"),
        )

    def scores(self, version: RegisteredVersion, role: str) -> Scores | None:
        """Scores of a role case by case, from the run that made a version; None: there are none.

        Raises:
            RegistryError: MLflow is away.
        """
        if version.run_id is None:
            return None
        with asking(self._url, f"read the scores of version {version.version}"):
            return read_scores(self._client, version.run_id, role)

    def compare_url(self, first: RegisteredVersion, second: RegisteredVersion) -> str:
        """The page that shows two versions side by side.

        Raises:
            RegistryRefusedError: one of them has no run to compare.
        """
        for version in (first, second):
            if version.run_id is None:
                raise RegistryRefusedError(
                    f"compare versions {first.version} and {second.version} of {first.policy}",
                    f"version {version.version} was not trained here: it has no run",
                    "compare versions that were, or see its own page",
                )
        runs = json.dumps({str(version.version): version.run_id for version in (first, second)})
        name = json.dumps(quote(first.policy))
        query = f"name={quote(name)}&runs={quote(runs)}&{_UI}"
        return f"{self._url}/#/compare-model-versions?{query}"

    def compare_runs_url(self, run_ids: Sequence[str]) -> str:
        """The page that shows runs side by side.

        Raises:
            RegistryError: MLflow is away, or has no such run.
        """
        with asking(self._url, f"compare {len(run_ids)} runs"):
            runs = [self._client.get_run(run_id) for run_id in run_ids]
        experiments = list(dict.fromkeys(run.info.experiment_id for run in runs))
        asked = f"runs={quote(json.dumps(list(run_ids)))}"
        where = f"experiments={quote(json.dumps(experiments))}"
        return f"{self._url}/#/compare-runs?{asked}&{where}&{_UI}"

    def version_url(self, version: RegisteredVersion) -> str:
        """The page of one version."""
        return f"{self._url}/#/models/{quote(version.policy)}/versions/{version.version}?{_UI}"

    def _aliases(self, policy: str) -> dict[str, int]:
        return aliases(self._client, policy)

    def _version_of(self, policy: str, digest: str | None) -> int:
        version = None if digest is None else with_digest(self._client, policy, digest)
        if version is None:
            raise _unknown(policy, digest or "none")
        return version.version

    def _point(self, policy: str, alias: str, version: int, before: dict[str, int]) -> None:
        if before.get(alias) != version:
            self._client.set_registered_model_alias(policy, alias, str(version))


def _unknown(policy: str, digest: str) -> RegistryRefusedError:
    return RegistryRefusedError(
        f"asked for the version of {policy} with bundle {digest[:12]}",
        "no such version is registered",
        "register that bundle first",
    )
