"""A trained device classifier, what it learned from and how it did, as a bundle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.policy.device_bundle import write_device_bundle
from components.policy.device_manifest import DeviceBundle
from components.policy.manifest import ANY_NODE
from models.code_version import git_commit
from models.device_classifier.export import export

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from components.policy.device_bundle import DeviceClassifier
    from models.device_classifier.training import TrainedClassifier

MARGINAL = "marginal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origins:
    """Where a classifier comes from, as its manifest shall say.

    Attributes:
        table: name of the table it learned from.
        accounting: which joules that table counts.
        node_classes: that it is made for.
        lake_version: None: the table came another way.
        evaluation_set: SHA-256 of the rows that its metrics come from.
        metrics: on these.
    """

    table: str
    accounting: str = MARGINAL
    node_classes: tuple[str, ...] = (ANY_NODE,)
    lake_version: int | None = None
    evaluation_set: str = ""
    metrics: Mapping[str, float]


def bundle_devices(trained: TrainedClassifier, out: Path, origins: Origins) -> DeviceClassifier:
    """Write and check a bundle; what `out` held before is replaced file by file.

    Raises:
        BundleError: what was written does not pass the check of the node.
    """
    bundle = DeviceBundle(
        name="devices" if trained.source == "recorded" else "simulated devices",
        node_classes=origins.node_classes,
        source=trained.source,
        accounting=origins.accounting,
        lake_version=origins.lake_version,
        table=origins.table,
        evaluation_set=origins.evaluation_set,
        git_commit=git_commit(),
        metrics={name: round(value, 6) for name, value in sorted(origins.metrics.items())},
        files={},
    )
    return write_device_bundle(out, bundle, export(trained))


def accounting_of(facts: Mapping[str, object]) -> str:
    """Which joules a table counts, by its sidecar; marginal unless it says otherwise."""
    said = str(facts.get("energy_accounting", MARGINAL))
    return "with-idle-share" if said.startswith("with-idle-share") else MARGINAL
