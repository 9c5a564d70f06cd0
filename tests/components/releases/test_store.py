from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest

from components.policy.errors import BundleError
from components.releases.store import BundleStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> BundleStore:
    return BundleStore(tmp_path / "bundles")


def test_a_bundle_is_kept_whole_under_its_digest(
    store: BundleStore, tmp_path: Path, make_bundle: Callable[[str], Path]
) -> None:
    bundle = make_bundle("a")
    digest = store.add(bundle)
    assert digest == hashlib.sha256((bundle / "bundle.json").read_bytes()).hexdigest()
    kept = store.path(digest)
    assert kept == tmp_path / "bundles" / digest
    assert {p.name: p.read_bytes() for p in kept.iterdir()} == {
        p.name: p.read_bytes() for p in bundle.iterdir()
    }


def test_adding_twice_keeps_one(
    store: BundleStore, tmp_path: Path, make_bundle: Callable[[str], Path]
) -> None:
    bundle = make_bundle("a")
    assert store.add(bundle) == store.add(bundle)
    assert len(list((tmp_path / "bundles").iterdir())) == 1


def test_files_that_the_manifest_does_not_name_are_left_behind(
    store: BundleStore, make_bundle: Callable[[str], Path]
) -> None:
    bundle = make_bundle("a")
    (bundle / "run-me.py").write_text("print('no')")
    assert not (store.path(store.add(bundle)) / "run-me.py").exists()


def test_one_changed_byte_is_noticed_when_adding(
    store: BundleStore, tmp_path: Path, make_bundle: Callable[[str], Path]
) -> None:
    bundle = make_bundle("a")
    graph = bundle / "predict.onnx"
    graph.write_bytes(graph.read_bytes()[:-1] + b"?")
    with pytest.raises(BundleError, match=r"predict\.onnx"):
        store.add(bundle)
    assert not (tmp_path / "bundles").exists()


def test_one_changed_byte_is_noticed_when_asked_for_and_adding_again_heals_it(
    store: BundleStore, make_bundle: Callable[[str], Path]
) -> None:
    bundle = make_bundle("a")
    digest = store.add(bundle)
    graph = store.path(digest) / "predict.onnx"
    graph.write_bytes(b"damaged")
    with pytest.raises(BundleError, match=r"predict\.onnx"):
        store.path(digest)
    assert store.add(bundle) == digest
    assert (store.path(digest) / "predict.onnx").read_bytes() == b"predict a"


def test_another_bundle_under_a_digest_is_not_given(
    store: BundleStore, make_bundle: Callable[[str], Path]
) -> None:
    a, b = store.add(make_bundle("a")), store.add(make_bundle("b"))
    for file in store.path(a).iterdir():
        file.write_bytes((store.path(b) / file.name).read_bytes())
    with pytest.raises(BundleError, match="under that name"):
        store.path(a)


def test_a_missing_file_is_named(store: BundleStore, make_bundle: Callable[[str], Path]) -> None:
    bundle = make_bundle("a")
    (bundle / "golden.npz").unlink()
    with pytest.raises(BundleError, match=r"golden\.npz"):
        store.add(bundle)


def test_a_bundle_that_is_not_here_is_said_so(store: BundleStore) -> None:
    with pytest.raises(BundleError, match="does not hold it"):
        store.path("a" * 64)


@pytest.mark.parametrize("digest", ["", "..", "../../etc", "A" * 64, "a" * 63, "champion"])
def test_only_a_digest_is_a_name(store: BundleStore, digest: str) -> None:
    with pytest.raises(BundleError, match="no digest"):
        store.path(digest)


@pytest.mark.parametrize(
    "files",
    [
        None,
        {},
        [],
        {"../evil": "a" * 64},
        {"/etc/passwd": "a" * 64},
        {"sub/file": "a" * 64},
        {".hidden": "a" * 64},
        {"bundle.json": "a" * 64},
        {"x": "no digest"},
        {f"f{n}": "a" * 64 for n in range(100)},
    ],
)
def test_a_manifest_names_plain_files_only(
    store: BundleStore, tmp_path: Path, files: object
) -> None:
    folder = tmp_path / "bad"
    folder.mkdir()
    (folder / "bundle.json").write_text(json.dumps({"files": files}))
    with pytest.raises(BundleError):
        store.add(folder)


def test_a_file_that_is_too_large_is_refused(
    store: BundleStore, make_bundle: Callable[[str], Path]
) -> None:
    bundle = make_bundle("a")
    with (bundle / "predict.onnx").open("wb") as file:
        file.truncate(5_000_000)
    with pytest.raises(BundleError, match="larger than"):
        store.add(bundle)
