"""The bundle that ships in the package, so that a node works without any server."""

from __future__ import annotations

from pathlib import Path


def default_bundle() -> Path:
    """Folder of the shipped core allocator."""
    return Path(__file__).parent / "shipped"
