"""`bundle.json` of a device classifier, as strict JSON."""

from __future__ import annotations

import json
import math
import re
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

from components.policy.errors import BundleError
from components.policy.manifest import ANY_NODE, SCHEMA_VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping

DEVICE_CLASSIFIER = "device-classifier"
SOURCES = ("recorded", "simulated")

_DIGEST = re.compile(r"[0-9a-f]{64}")
_FILE_NAME = re.compile(r"[a-z0-9_]{1,40}\.(onnx|npz|json)")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceBundle:
    """What `bundle.json` says of a device classifier; `classifier.json` says the rest."""

    schema_version: int = SCHEMA_VERSION
    kind: str = DEVICE_CLASSIFIER
    name: str
    node_classes: tuple[str, ...]
    """Node classes it was made for; `*` for any."""
    source: str
    """`recorded` or `simulated`: what it learned from."""
    accounting: str
    """Which joules of a batch count: `marginal` or `with-idle-share`."""
    lake_version: int | None
    """Version of the lake it learned from; None: a table that came another way."""
    table: str
    """Name of the table it learned from."""
    evaluation_set: str
    """SHA-256 of the rows its metrics come from."""
    git_commit: str
    metrics: Mapping[str, float]
    files: Mapping[str, str]
    """SHA-256 of every other file of the folder, by name."""

    def __post_init__(self) -> None:
        if self.schema_version != SCHEMA_VERSION or self.kind != DEVICE_CLASSIFIER:
            raise _bad(f"the kind {self.kind!r} of schema version {self.schema_version!r}")
        if not self.node_classes or self.source not in SOURCES:
            raise _bad(f"the node classes {self.node_classes} and the source {self.source!r}")
        if not all(math.isfinite(value) for value in self.metrics.values()):
            raise _bad("a metric that is no finite number")
        for name, digest in self.files.items():
            if not (_FILE_NAME.fullmatch(name) and _DIGEST.fullmatch(digest)):
                raise _bad(f"the file {name!r} with digest {digest!r}")

    def serves(self, node_class: str) -> bool:
        """Whether it may decide on nodes of this class."""
        return ANY_NODE in self.node_classes or node_class in self.node_classes


def device_manifest_to_json(bundle: DeviceBundle) -> bytes:
    """Write a manifest, the same bytes for the same content."""
    return (json.dumps(asdict(bundle), indent=1, sort_keys=True, allow_nan=False) + "\n").encode()


def device_manifest_from_json(data: bytes) -> DeviceBundle:
    """Read a manifest.

    Raises:
        BundleError: it is no JSON, a key is missing, unknown, or of the wrong type.
    """
    try:
        content = json.loads(data)
    except ValueError as error:
        raise _bad(f"no JSON ({error})") from error
    known = {field.name for field in fields(DeviceBundle)}
    if not isinstance(content, dict) or set(content) != known:
        raise _bad(f"other keys than {sorted(known)}")
    texts = [content[key] for key in ("kind", "name", "source", "accounting", "table")]
    texts += [content["evaluation_set"], content["git_commit"]]
    classes = content["node_classes"]
    if not all(isinstance(text, str) for text in texts) or not _is_texts(classes):
        raise _bad("texts that are none")
    if type(content["lake_version"]) not in {int, type(None)}:
        raise _bad(f"the lake version {content['lake_version']!r}")
    for key, types in (("metrics", (int, float)), ("files", (str,))):
        held = content[key]
        if not isinstance(held, dict) or not all(isinstance(v, types) for v in held.values()):
            raise _bad(f"{key} that are no mapping of names to values")
    return DeviceBundle(**{**content, "node_classes": tuple(classes)})


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _bad(found: str) -> BundleError:
    return BundleError(
        "asked for a device classifier",
        f"bundle.json names {found}",
        "take it again from where it was built, with a joulepilot that knows it",
    )
