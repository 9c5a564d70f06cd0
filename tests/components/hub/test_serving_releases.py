from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest

from components.policy.errors import BundleError
from components.releases.http_source import HttpSource
from components.releases.store import BundleStore

if TYPE_CHECKING:
    from pathlib import Path

    from components.hub.server import HubServer


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    folder = tmp_path / "bundle"
    folder.mkdir()
    (folder / "predict.onnx").write_bytes(bytes(range(256)) * 1000)
    digest = hashlib.sha256((folder / "predict.onnx").read_bytes()).hexdigest()
    (folder / "bundle.json").write_text(json.dumps({"files": {"predict.onnx": digest}}))
    return folder


def test_a_node_fetches_a_whole_bundle_from_the_hub(
    hub: HubServer, home: Path, tmp_path: Path, bundle: Path
) -> None:
    digest = BundleStore(home / "bundles").add(bundle)
    fetched = HttpSource(hub.url, tmp_path / "cache").bundle(digest)
    for name in ("bundle.json", "predict.onnx"):
        assert (fetched / name).read_bytes() == (bundle / name).read_bytes()


def test_a_bundle_the_hub_does_not_have_is_said(hub: HubServer, tmp_path: Path) -> None:
    with pytest.raises(BundleError):
        HttpSource(hub.url, tmp_path / "cache").bundle("0" * 64)


def test_a_log_that_is_still_empty_is_no_error(hub: HubServer, tmp_path: Path) -> None:
    assert HttpSource(hub.url, tmp_path / "cache").release(1) is None
