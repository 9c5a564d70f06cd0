"""Versions of a policy: bundles with a number, tags that say where they come from, aliases."""

from __future__ import annotations

import tempfile
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from components.registry.facts import RegisteredVersion
from components.registry.mlflow_client import unless_gone, unless_there
from components.registry.model_files import described, write_model_files
from components.registry.runs import experiment_id

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

    from components.policy.any_bundle import AnyBundle


def all_versions(client: MlflowClient, policy: str) -> tuple[RegisteredVersion, ...]:
    """All versions of a policy, oldest first."""
    found: list[ModelVersion] = []
    token: str | None = None
    while token is None or token:
        page = client.search_model_versions(f"name = '{policy}'", page_token=token)
        found += page
        token = page.token or ""
    named = aliases(client, policy) if found else {}
    return tuple(sorted((_read(item, named) for item in found), key=lambda item: item.version))


def with_digest(client: MlflowClient, policy: str, digest: str) -> RegisteredVersion | None:
    """The version of a bundle; None: it is not registered."""
    return next((item for item in all_versions(client, policy) if item.digest == digest), None)


def keep_first(client: MlflowClient, policy: str, digest: str) -> RegisteredVersion | None:
    """Remove all versions of a bundle but the first, and what was uploaded in vain.

    Two may be made at once, or one twice where the answer to the first request was lost; whoever
    looks afterwards sees both and keeps the same one.
    """
    same = [item for item in all_versions(client, policy) if item.digest == digest]
    if not same:
        return None
    first, *others = same
    for other in others:
        unless_gone(partial(client.delete_model_version, policy, str(other.version)))
    kept = client.get_model_version(policy, str(first.version)).source
    for model in _uploads(client, policy, digest):
        if _source(model) != kept:
            unless_gone(partial(client.delete_logged_model, model))
    return first


def aliases(client: MlflowClient, policy: str) -> dict[str, int]:
    """Version by alias."""
    named = client.get_registered_model(policy).aliases
    return {alias: int(version) for alias, version in named.items()}


def create(
    client: MlflowClient, bundle: Path, digest: str, manifest: AnyBundle, run_id: str | None
) -> int:
    """Upload a bundle and make it a version.

    The upload goes by the calls below a framework's `log_model`: the same for the pages, without
    a pickle, and twenty times faster.
    """
    policy = manifest.kind
    unless_there(lambda: client.create_registered_model(policy))
    model_id = _upload(client, bundle, digest, manifest, run_id)
    version = client.create_model_version(
        policy,
        source=_source(model_id),
        run_id=run_id,
        model_id=model_id,
        tags=_tags(digest, manifest),
        description=described(manifest, digest),
        await_creation_for=0,  # it is there when the call returns; waiting only says so
    )
    return int(version.version)


def _upload(
    client: MlflowClient, bundle: Path, digest: str, manifest: AnyBundle, run_id: str | None
) -> str:
    model = client.create_logged_model(
        experiment_id(client, manifest.kind),
        name=manifest.kind,
        source_run_id=run_id,
        tags=_tags(digest, manifest),
    )
    model_id: str = model.model_id
    status: Literal["READY", "FAILED"] = "FAILED"
    try:
        with tempfile.TemporaryDirectory() as folder:
            write_model_files(
                bundle, digest, manifest, Path(folder), model_id=model_id, run_id=run_id
            )
            client.log_model_artifacts(model_id, folder)
        if run_id is not None:
            _name_output(client, run_id, model_id)
            _log_metrics(client, run_id, model_id, manifest)
        status = "READY"
    finally:
        client.finalize_logged_model(model_id, status)
    return model_id


def _name_output(client: MlflowClient, run_id: str, model_id: str) -> None:
    """Say that a run made a model.

    MLflow's client asks again where an answer was lost, and its server refuses to say it twice.
    """
    from mlflow.entities import LoggedModelOutput
    from mlflow.exceptions import MlflowException

    try:
        client.log_outputs(run_id, [LoggedModelOutput(model_id, step=0)])
    except MlflowException:
        made = client.get_run(run_id).outputs
        if made is None or model_id not in {model.model_id for model in made.model_outputs}:
            raise


def _uploads(client: MlflowClient, policy: str, digest: str) -> list[str]:
    """Ids of what was uploaded of a bundle, the whole and the half."""
    found = client.search_logged_models(
        [experiment_id(client, policy)], f"tags.digest = '{digest}'"
    )
    return [model.model_id for model in found]


def _source(model_id: str) -> str:
    return f"models:/{model_id}"


def _log_metrics(client: MlflowClient, run_id: str, model_id: str, manifest: AnyBundle) -> None:
    """The figures a bundle carries, as those of the model on the evaluation set."""
    from mlflow.entities import Metric

    now_ms = int(time.time() * 1000)
    metrics = [
        Metric(
            f"bundle/{name}",
            float(value),
            now_ms,
            0,
            model_id=model_id,
            dataset_name="evaluation set",
            dataset_digest=manifest.evaluation_set[:36],
            run_id=run_id,
        )
        for name, value in manifest.metrics.items()
    ]
    client.log_batch(run_id, metrics=metrics)


def _tags(digest: str, manifest: AnyBundle) -> dict[str, str]:
    tags = {
        "digest": digest,
        "evaluation_set": manifest.evaluation_set,
        "git_commit": manifest.git_commit,
    }
    if manifest.lake_version is not None:
        tags["lake_version"] = str(manifest.lake_version)
    return tags


def _read(item: ModelVersion, named: dict[str, int]) -> RegisteredVersion:
    tags = item.tags
    version = int(item.version)
    return RegisteredVersion(
        policy=item.name,
        version=version,
        digest=tags.get("digest", ""),
        run_id=item.run_id or None,
        lake_version=int(tags["lake_version"]) if "lake_version" in tags else None,
        evaluation_set=tags.get("evaluation_set", ""),
        git_commit=tags.get("git_commit", ""),
        release_sequence=int(tags["release_sequence"]) if "release_sequence" in tags else None,
        aliases=tuple(sorted(alias for alias, number in named.items() if number == version)),
        created=datetime.fromtimestamp(item.creation_timestamp / 1000, UTC),
        description=item.description or "",
    )
