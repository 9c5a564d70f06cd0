"""A device classifier as a bundle: a folder of data, checked before it may decide anything.

The folder holds `bundle.json`, `classifier.json`, one graph for each objective and
`device_golden.npz`, nothing else; the checks are those of a core allocator: digests, operators,
sizes, finite weights, golden outputs.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from components.policy.bundle_folder import MANIFEST, damaged, read_file, read_files, write_files
from components.policy.device_brain import DeviceBrain
from components.policy.device_files import device_file_names, open_device_files
from components.policy.device_manifest import (
    DeviceBundle,
    device_manifest_from_json,
    device_manifest_to_json,
)
from components.policy.onnx_runtime import give_back_memory

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class DeviceClassifier:
    """A checked bundle, ready to be asked."""

    bundle: DeviceBundle
    digest: str
    brain: DeviceBrain


def write_device_bundle(
    folder: Path, bundle: DeviceBundle, files: Mapping[str, bytes]
) -> DeviceClassifier:
    """Write a bundle folder; digests of the files are filled in.

    Raises:
        BundleError: what was written does not pass the check.
    """
    digests = write_files(folder, files)
    (folder / MANIFEST).write_bytes(device_manifest_to_json(replace(bundle, files=digests)))
    return load_device_classifier(folder)


def check_device_bundle(folder: Path) -> DeviceBundle:
    """Read a bundle and try it.

    Raises:
        BundleError: the folder is damaged or breaks the contract of a bundle.
    """
    return load_device_classifier(folder).bundle


def load_device_classifier(folder: Path) -> DeviceClassifier:
    """Check a bundle and open its graphs.

    Raises:
        BundleError: the folder is damaged or breaks the contract of a bundle.
    """
    manifest = read_file(folder, MANIFEST)
    bundle = device_manifest_from_json(manifest)
    files = read_files(folder, bundle.files)
    facts, graphs = open_device_files(files)
    if set(files) != set(device_file_names(facts)):
        raise damaged(folder, f"it names {sorted(files)}, not {sorted(device_file_names(facts))}")
    if facts.source != bundle.source:
        raise damaged(folder, f"bundle.json says {bundle.source}, classifier.json {facts.source}")
    del files
    give_back_memory()
    digest = hashlib.sha256(manifest).hexdigest()
    return DeviceClassifier(bundle, digest, DeviceBrain(facts, graphs))
