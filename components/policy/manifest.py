"""`bundle.json`: what a bundle says of itself, as strict JSON."""

from __future__ import annotations

import json
import math
import re
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

from components.policy.errors import BundleError
from components.policy.feature_spec import FeatureSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA_VERSION = 1
CORE_ALLOCATOR = "core-allocator"
ANY_NODE = "*"
LEARNED = "learned"
EXPECTED_IMPROVEMENT = "expected-improvement"
LOOK_AHEAD = "look-ahead"
PROBE_RULES = (LEARNED, LOOK_AHEAD, EXPECTED_IMPROVEMENT)

_DIGEST = re.compile(r"[0-9a-f]{64}")
_FILE_NAME = re.compile(r"[a-z0-9_]{1,40}\.(onnx|npz)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """What `bundle.json` says of a bundle."""

    schema_version: int = SCHEMA_VERSION
    kind: str = CORE_ALLOCATOR
    name: str
    features: tuple[FeatureSpec, ...]
    """Of a candidate, in order."""
    row_features: tuple[FeatureSpec, ...]
    """Of a row of the probe policy, in order."""
    outputs: tuple[FeatureSpec, ...]
    """Of the predictor, per candidate."""
    node_classes: tuple[str, ...]
    """Node classes it was made for; `*` for any."""
    probe_rule: str
    """What chooses probes by default: `learned`, `look-ahead` or `expected-improvement`."""
    lake_version: int | None
    """Version of the lake's table `samples` it learned from; None: made-up nodes only."""
    evaluation_set: str
    """SHA-256 of the evaluation set its metrics come from."""
    git_commit: str
    metrics: Mapping[str, float]
    files: Mapping[str, str]
    """SHA-256 of every other file of the folder, by name."""

    def __post_init__(self) -> None:
        if self.schema_version != SCHEMA_VERSION:
            raise _bad(
                f"schema version {self.schema_version}",
                f"use a joulepilot that knows it; this one knows {SCHEMA_VERSION}",
            )
        if self.kind != CORE_ALLOCATOR:
            raise _bad(f"the kind {self.kind!r}", f"give a bundle of the kind {CORE_ALLOCATOR!r}")
        if self.probe_rule not in PROBE_RULES:
            raise _bad(f"the probe rule {self.probe_rule!r}", f"use one of {PROBE_RULES}")
        if not self.node_classes:
            raise _bad("no node class", f"name some, or {ANY_NODE!r} for any")
        if not all(math.isfinite(value) for value in self.metrics.values()):
            raise _bad("a metric that is no finite number", "build the bundle again")
        for name, digest in self.files.items():
            if not (_FILE_NAME.fullmatch(name) and _DIGEST.fullmatch(digest)):
                raise _bad(f"the file {name!r} with digest {digest!r}", "build the bundle again")

    def serves(self, node_class: str) -> bool:
        """Whether it may decide on nodes of this class."""
        return ANY_NODE in self.node_classes or node_class in self.node_classes


def to_json(bundle: Bundle) -> bytes:
    """Write a manifest, the same bytes for the same content."""
    return (json.dumps(asdict(bundle), indent=1, sort_keys=True, allow_nan=False) + "\n").encode()


def from_json(data: bytes) -> Bundle:
    """Read a manifest.

    Raises:
        BundleError: it is no JSON, a key is missing, unknown, or of the wrong type.
    """
    try:
        content = json.loads(data)
    except ValueError as error:
        raise _bad(f"no JSON ({error})", "take the bundle again from where it was built") from error
    known = {field.name for field in fields(Bundle)}
    if not isinstance(content, dict) or set(content) != known:
        found = sorted(content) if isinstance(content, dict) else type(content).__name__
        raise _bad(f"the keys {found}", f"give exactly {sorted(known)}")
    for key in ("features", "row_features", "outputs"):
        content[key] = _specs(key, content[key])
    content["node_classes"] = tuple(_texts("node_classes", content["node_classes"]))
    _texts("names", [content[k] for k in ("name", "kind", "evaluation_set", "git_commit")])
    if not isinstance(content["lake_version"], int | None):
        raise _bad(f"the lake version {content['lake_version']!r}", "give a number or null")
    _mapping("metrics", content["metrics"], (int, float))
    _mapping("files", content["files"], (str,))
    return Bundle(**content)


def _specs(key: str, value: object) -> tuple[FeatureSpec, ...]:
    wanted = {field.name for field in fields(FeatureSpec)}
    if not isinstance(value, list) or not all(
        isinstance(v, dict) and set(v) == wanted for v in value
    ):
        raise _bad(f"{key} that are no list of {sorted(wanted)}", "build the bundle again")
    return tuple(
        FeatureSpec(str(v["name"]), str(v["unit"]), float(v["low"]), float(v["high"]))
        for v in value
    )


def _texts(key: str, value: object) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
        raise _bad(f"{key} that are no list of texts", "build the bundle again")
    return value


def _mapping(key: str, value: object, kinds: tuple[type, ...]) -> None:
    if not isinstance(value, dict) or not all(isinstance(v, kinds) for v in value.values()):
        raise _bad(f"{key} that are no mapping of names to values", "build the bundle again")


def _bad(found: str, remedy: str) -> BundleError:
    return BundleError("asked for a bundle", f"bundle.json names {found}", remedy)
