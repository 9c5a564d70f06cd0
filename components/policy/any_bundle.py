"""Bundles of either kind, told apart by what their `bundle.json` says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from components.policy.bundle import check_bundle
from components.policy.bundle_folder import MANIFEST
from components.policy.device_bundle import check_device_bundle
from components.policy.device_manifest import (
    DEVICE_CLASSIFIER,
    DeviceBundle,
    device_manifest_from_json,
)
from components.policy.errors import BundleError
from components.policy.manifest import CORE_ALLOCATOR, Bundle, from_json

if TYPE_CHECKING:
    from pathlib import Path

POLICIES = (CORE_ALLOCATOR, DEVICE_CLASSIFIER)
AnyBundle = Bundle | DeviceBundle


def manifest_of(data: bytes) -> AnyBundle:
    """Read a manifest of either kind.

    Raises:
        BundleError: it is none.
    """
    return device_manifest_from_json(data) if _is_device(data) else from_json(data)


def check_any_bundle(folder: Path) -> AnyBundle:
    """Check a bundle of either kind.

    Raises:
        BundleError: the folder is damaged or breaks the contract of a bundle.
    """
    try:
        data = (folder / MANIFEST).read_bytes()
    except OSError as error:
        raise BundleError(
            f"asked for the bundle {folder}", str(error), "name the folder of a bundle"
        ) from error
    return check_device_bundle(folder) if _is_device(data) else check_bundle(folder)


def _is_device(data: bytes) -> bool:
    try:
        content = json.loads(data)
    except ValueError:
        return False  # whoever reads it as a core allocator says what is wrong
    return isinstance(content, dict) and content.get("kind") == DEVICE_CLASSIFIER
