"""A bundle as MLflow shows a model: its files, and one that describes inputs and outputs."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from components.policy.any_bundle import manifest_of
from components.policy.device_manifest import DeviceBundle
from components.registry.device_model import described_devices, device_signature
from components.releases.store import MANIFEST, read_bundle

if TYPE_CHECKING:
    from pathlib import Path

    from mlflow.models.signature import ModelSignature

    from components.policy.any_bundle import AnyBundle
    from components.policy.manifest import Bundle

FLAVOR = "joulepilot"
N_MEASURED = 2  # a probe's row ends with log latency and log power
_ANY = -1


def read_manifest(bundle: Path) -> tuple[str, AnyBundle]:
    """Digest and manifest of a bundle whose files are as their digests say.

    Raises:
        BundleError: the bundle is damaged.
    """
    digest, files = read_bundle(bundle)
    return digest, manifest_of(files[MANIFEST])


def write_model_files(
    bundle: Path,
    digest: str,
    manifest: AnyBundle,
    folder: Path,
    *,
    model_id: str,
    run_id: str | None,
) -> None:
    """Lay out a bundle's files and an `MLmodel` beside them; nothing is pickled."""
    from mlflow.models import Model

    for name in (MANIFEST, *manifest.files):
        shutil.copyfile(bundle / name, folder / name)
    flavor = {"digest": digest, "kind": manifest.kind, "schema_version": manifest.schema_version}
    model = Model(
        run_id=run_id,
        model_id=model_id,
        signature=(
            device_signature() if isinstance(manifest, DeviceBundle) else _signature(manifest)
        ),
        flavors={FLAVOR: flavor},
    )
    model.save(str(folder / "MLmodel"))


def described(manifest: AnyBundle, digest: str) -> str:
    """A version's description, from the facts in its manifest."""
    if isinstance(manifest, DeviceBundle):
        return described_devices(manifest, digest)
    learned = (
        "made-up nodes only"
        if manifest.lake_version is None
        else f"version {manifest.lake_version} of the lake's samples, mixed with made-up nodes"
    )
    metrics = ", ".join(f"{name} {value:.4g}" for name, value in sorted(manifest.metrics.items()))
    return "\n\n".join(
        (
            f"**{manifest.name}**, bundle `{digest}`",
            f"Learned from {learned}, by commit `{manifest.git_commit}`.",
            f"Evaluation set `{manifest.evaluation_set}`: {metrics or 'no metrics'}.",
            f"For node classes: {', '.join(manifest.node_classes)}. "
            f"Chooses probes by: {manifest.probe_rule}.",
        )
    )


def _signature(manifest: Bundle) -> ModelSignature:
    import numpy as np
    from mlflow.models.signature import ModelSignature
    from mlflow.types import ColSpec, Schema, TensorSpec

    def tensor(name: str, *last: int) -> ColSpec | TensorSpec:
        return TensorSpec(np.dtype("float32"), (_ANY, _ANY, *last), name)

    n_features = len(manifest.features)
    inputs = [
        tensor("candidates", n_features),
        tensor("probes", n_features + N_MEASURED),
        tensor("probe_mask"),
        tensor("rows", len(manifest.row_features)),
        tensor("row_mask"),
    ]
    outputs = [tensor(spec.name) for spec in manifest.outputs]
    return ModelSignature(inputs=Schema(inputs), outputs=Schema([*outputs, tensor("logits")]))
