"""Bundles that were tampered with: none is taken."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from components.policy.brain import load_brain
from components.policy.bundle import bundle_digest, check_bundle
from components.policy.default_bundle import default_bundle
from components.policy.errors import BundleError
from components.policy.manifest import CORE_ALLOCATOR, from_json
from components.releases import operations
from components.releases.desired import ALL_NODES, Desired, Ring
from components.releases.errors import SignatureError
from components.releases.signature import (
    Signer,
    Verifier,
    new_keys,
    public_key_file,
    signing_key_file,
)
from components.releases.store import BundleStore
from components.releases.verdict import RuleResult, Verdict

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


RULES = (RuleResult("a test", passed=True, found="-", needed="-", sentence="It is a test."),)


def forged(entry, digest, signer, rng):
    """The owner's entry, naming another bundle, its checksum and its signature made to fit."""
    rings = (Ring(ALL_NODES, {CORE_ALLOCATOR: digest}),)
    entry = replace(entry, desired=Desired(rings), verdict=Verdict.of(digest, RULES))
    match int(rng.integers(4)):
        case 0:
            return signer.signed(entry)
        case 1:
            return replace(entry, signature=None)
        case 2:
            return replace(entry, signature=base64.b64encode(rng.bytes(64)).decode())
    return entry  # with the signature of what it was


def is_taken(entry, store, verifier):
    try:
        verifier.check(entry)
        store.path(entry.desired.digest_for("any node"))
    except (BundleError, SignatureError):
        return False
    return True


def test_no_mutated_bundle_is_taken_by_a_node_that_asks_for_signatures(tmp_path, at_length):
    owner, thief, bundles = tmp_path / "owner", tmp_path / "thief", tmp_path / "bundles"
    for home in (owner, thief):
        new_keys(home)
    digest = bundle_digest(SOURCE)
    verdict = Verdict.of(digest, RULES)
    entry = operations.promote(owner, SOURCE, verdict, who="me", why="a test").release
    signer, verifier = Signer(signing_key_file(thief)), Verifier(public_key_file(owner))
    store = BundleStore(bundles)
    rng = np.random.default_rng(0)
    shutil.copytree(SOURCE, bundles / digest)
    assert is_taken(entry, store, verifier)
    n_accepted = 0

    for number in range(at_length(200, 10_000)):
        is_made_anew = number % 2 == 1
        write_mutated(tmp_path / "mutated", rng, is_made_anew=is_made_anew)
        named = bundle_digest(tmp_path / "mutated") if is_made_anew else digest
        shutil.rmtree(bundles)
        bundles.mkdir()
        (tmp_path / "mutated").rename(bundles / named)
        claimed = forged(entry, named, signer, rng) if is_made_anew else entry
        n_accepted += is_taken(claimed, store, verifier)

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
