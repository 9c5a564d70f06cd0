"""A device classifier as a bundle: a folder of data, checked before it may decide anything.

The folder holds `bundle.json`, `classifier.json`, one graph for each objective and
`device_golden.npz`, nothing else; the checks are those of a core allocator: digests, operators,
sizes, finite weights, golden outputs.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from components.policy.bundle import MANIFEST, MAX_FILE_BYTES
from components.policy.device_brain import DeviceBrain
from components.policy.device_files import device_file_names, open_device_files
from components.policy.device_manifest import (
    DeviceBundle,
    device_manifest_from_json,
    device_manifest_to_json,
)
from components.policy.errors import BundleError

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
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in sorted(files.items())}
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
    manifest = _read(folder, MANIFEST)
    bundle = device_manifest_from_json(manifest)
    found = {path.name for path in folder.iterdir()}
    if found != {MANIFEST, *bundle.files}:
        raise _bad(folder, f"it holds {sorted(found)} and names {sorted(bundle.files)}")
    files = {name: _read(folder, name) for name in bundle.files}
    for name, wanted in bundle.files.items():
        actual = hashlib.sha256(files[name]).hexdigest()
        if actual != wanted:
            raise _bad(folder, f"{name} has the SHA-256 {actual}, bundle.json names {wanted}")
    facts, graphs = open_device_files(files)
    if set(files) != set(device_file_names(facts)):
        raise _bad(folder, f"it names {sorted(files)}, not {sorted(device_file_names(facts))}")
    if facts.source != bundle.source:
        raise _bad(folder, f"bundle.json says {bundle.source}, classifier.json {facts.source}")
    digest = hashlib.sha256(manifest).hexdigest()
    return DeviceClassifier(bundle, digest, DeviceBrain(facts, graphs))


def _read(folder: Path, name: str) -> bytes:
    path = folder / name
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise _bad(folder, f"{name} has {size} bytes, {MAX_FILE_BYTES} are allowed")
        return path.read_bytes()
    except OSError as error:
        raise _bad(folder, f"{name} is unreadable: {error}") from error


def _bad(folder: Path, found: str) -> BundleError:
    return BundleError(
        f"asked for the device classifier {folder}",
        found,
        "take it again from where it was built, or keep the one in force",
    )
