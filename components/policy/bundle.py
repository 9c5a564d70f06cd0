"""A bundle: one policy as a folder of data, checked before it may decide anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SCHEMA_VERSION = 1
CORE_ALLOCATOR = "core-allocator"
ANY_NODE = "*"


@dataclass(frozen=True, slots=True)
class FeatureSpec:
    """One number a graph is fed: its name, unit and range."""

    name: str
    unit: str
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """What `bundle.json` says of a bundle."""

    schema_version: int
    kind: str
    """`core-allocator`."""
    name: str
    features: tuple[FeatureSpec, ...]
    """Of a candidate, in order."""
    row_features: tuple[FeatureSpec, ...]
    """Of a row of the probe policy, in order."""
    outputs: tuple[FeatureSpec, ...]
    node_classes: tuple[str, ...]
    """Node classes it was made for; `*` for any."""
    probe_rule: str
    """What chooses probes by default: `learned` or `expected-improvement`."""
    lake_version: int | None
    """Version of the lake's table `samples` it learned from; None: made-up nodes only."""
    evaluation_set: str
    """SHA-256 of the evaluation set its metrics come from."""
    git_commit: str
    metrics: Mapping[str, float]
    files: Mapping[str, str]
    """SHA-256 of every other file of the folder."""

    def serves(self, node_class: str) -> bool:
        """Whether it may decide on nodes of this class."""
        return ANY_NODE in self.node_classes or node_class in self.node_classes


def write_bundle(folder: Path, bundle: Bundle, files: Mapping[str, bytes]) -> Bundle:
    """Write a bundle folder; digests of the files are filled in.

    Raises:
        BundleError: what was written does not pass `check_bundle`.
    """
    raise NotImplementedError


def check_bundle(folder: Path) -> Bundle:
    """Read a bundle and try it: digests, operators, sizes, finite weights, golden outputs.

    Raises:
        BundleError: the folder is damaged or breaks the contract of a bundle.
    """
    raise NotImplementedError


def bundle_digest(folder: Path) -> str:
    """SHA-256 of `bundle.json`, which itself names the digest of every other file.

    Raises:
        BundleError: there is no readable `bundle.json`.
    """
    raise NotImplementedError
