"""Bundles that were tampered with: none is taken."""

from __future__ import annotations

import hashlib
import json
import shutil

import numpy as np
import pytest

from components.policy.brain import load_brain
from components.policy.bundle import bundle_digest, check_bundle
from components.policy.default_bundle import default_bundle
from components.policy.errors import BundleError
from components.policy.manifest import from_json
from components.releases.store import BundleStore

pytestmark = pytest.mark.timeout(1200)

SOURCE = default_bundle()
FILES = {path.name: path.read_bytes() for path in SOURCE.iterdir() if path.is_file()}


def mutate(data: bytes, rng: np.random.Generator) -> bytes:
    """Flip bits, cut, double, or overwrite a stretch: never the same bytes again."""
    kind, at = int(rng.integers(4)), int(rng.integers(len(data)))
    match kind:
        case 0:
            return data[:at] + bytes([data[at] ^ (1 << int(rng.integers(8)))]) + data[at + 1 :]
        case 1:
            return data[:at]
        case 2:
            return data + data[at:]
    size = int(rng.integers(1, 64))
    noise = rng.bytes(size)
    changed = data[:at] + noise + data[at + size :]
    return changed if changed != data else data + b"\n"


def write_mutated(folder, rng, *, is_made_anew: bool) -> None:
    """A copy of the shipped bundle with one file mutated, its digest maybe made to fit."""
    names = sorted(FILES)
    victim = names[int(rng.integers(len(names)))]
    files = {**FILES, victim: mutate(FILES[victim], rng)}
    if is_made_anew:
        manifest = json.loads(FILES["bundle.json"])
        manifest["files"] = {
            name: hashlib.sha256(data).hexdigest()
            for name, data in sorted(files.items())
            if name != "bundle.json"
        }
        manifest["name"] = f"{manifest['name']}-{int(rng.integers(1 << 30))}"
        files["bundle.json"] = json.dumps(manifest).encode()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)


def test_no_mutated_bundle_is_taken_for_the_one_that_was_asked_for(tmp_path, at_length):
    digest = bundle_digest(SOURCE)
    store = BundleStore(tmp_path)
    rng = np.random.default_rng(0)
    n_accepted = 0

    for number in range(at_length(300, 10_000)):
        write_mutated(tmp_path / digest, rng, is_made_anew=number % 2 == 1)
        try:
            store.path(digest)
        except BundleError:
            continue
        n_accepted += 1

    assert n_accepted == 0


def test_one_whose_digests_were_made_to_fit_is_refused_or_decides_the_same(tmp_path, at_length):
    rng = np.random.default_rng(1)
    golden = np.load(SOURCE / "golden.npz", allow_pickle=False)
    feeds = (golden["candidates"], golden["probes"], golden["probe_mask"])
    wanted = load_brain(SOURCE).forecast(*feeds)
    n_refused = 0

    for _ in range(at_length(40, 600)):
        write_mutated(tmp_path / "bundle", rng, is_made_anew=True)
        try:
            brain = load_brain(tmp_path / "bundle")
        except BundleError:
            n_refused += 1
            continue
        actual = brain.forecast(*feeds)
        for name in wanted.__slots__:
            assert getattr(actual, name) == pytest.approx(getattr(wanted, name), abs=1e-3)

    assert n_refused > 0


def test_a_manifest_of_any_bytes_is_an_error_of_ours_or_fits_its_contract(at_length):
    rng = np.random.default_rng(2)
    kind = check_bundle(SOURCE).kind

    for _ in range(at_length(500, 10_000)):
        data = mutate(FILES["bundle.json"], rng)
        try:
            bundle = from_json(data)
        except BundleError:
            continue
        assert bundle.kind == kind
