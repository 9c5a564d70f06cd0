"""A device classifier as MLflow shows a model: what goes in, what comes out, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow.models.signature import ModelSignature

    from components.policy.device_manifest import DeviceBundle

OUTPUTS = ("log_cost", "sigma", "p", "loss")
_ANY = -1


def described_devices(manifest: DeviceBundle, digest: str) -> str:
    """A version's description, from the facts in its manifest."""
    metrics = ", ".join(f"{name} {value:.4g}" for name, value in sorted(manifest.metrics.items()))
    return "\n\n".join(
        (
            f"**{manifest.name}**, bundle `{digest}`",
            f"Learned from the {manifest.source} table `{manifest.table}`, by commit "
            f"`{manifest.git_commit}`; joules are {manifest.accounting}.",
            f"Evaluation set `{manifest.evaluation_set}`: {metrics or 'no metrics'}.",
            f"For node classes: {', '.join(manifest.node_classes)}.",
        )
    )


def device_signature() -> ModelSignature:
    """Features and online corrections in; for every device cost, its error, chance and loss out."""
    import numpy as np
    from mlflow.models.signature import ModelSignature
    from mlflow.types import Schema, TensorSpec

    def tensor(name: str, kind: str) -> TensorSpec:
        return TensorSpec(np.dtype(kind), (_ANY, _ANY), name)

    return ModelSignature(
        inputs=Schema([tensor("features", "float64"), tensor("shift", "float64")]),
        outputs=Schema([tensor(name, "float32") for name in OUTPUTS]),
    )
