"""Which bundle a person means."""

from __future__ import annotations

import re
from pathlib import Path

from components.policy.default_bundle import default_bundle
from components.releases.store import BundleStore
from flows.errors import UnknownVersionError

_DIGEST = re.compile(r"[0-9a-f]{6,64}")


def bundle_folder(name: str | None, home: Path) -> Path:
    """The shipped bundle, a folder, or a kept bundle by the first letters of its digest.

    Raises:
        UnknownVersionError: there is no such bundle, or more than one.
    """
    if name is None:
        return default_bundle()
    if Path(name).is_dir():
        return Path(name)
    store = home / "bundles"
    fitting = sorted(store.glob(f"{name}*")) if _DIGEST.fullmatch(name) else []
    if len(fitting) != 1:
        raise UnknownVersionError(
            f"asked for the bundle {name}",
            f"it is no folder, and fits {len(fitting)} digests in {store}",
            "give a folder, or six or more letters of one digest",
        )
    return BundleStore(store).path(fitting[0].name)
