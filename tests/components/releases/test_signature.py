"""Signed entries: what a node with a key takes, and what it does not."""

from __future__ import annotations

import json
import random
import stat
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from components.policy.errors import BundleError
from components.releases import operations
from components.releases.entry import Release
from components.releases.errors import (
    EntryError,
    KeyFileError,
    SignatureError,
    SourceAwayError,
)
from components.releases.log import ReleaseLog
from components.releases.signature import (
    Signer,
    Verifier,
    new_keys,
    public_key_file,
    signing_key_file,
)
from components.releases.source import FolderSource
from components.releases.tried_source import TriedSource
from components.releases.verifying import ChildVerifier, SignedSource

if TYPE_CHECKING:
    from pathlib import Path

N_MUTATIONS = 2_000


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with keys, in which one bundle was promoted."""
    home = tmp_path / "home"
    new_keys(home)
    return home


@pytest.fixture
def promoted(home: Path, make_bundle, verdict_on) -> Release:
    bundle = make_bundle("one")
    return operations.promote(home, bundle, verdict_on(bundle), who="ann", why="better").release


def test_every_new_entry_is_signed_where_there_is_a_key(home: Path, promoted: Release) -> None:
    paused = operations.pause(home, who="bob", why="maintenance").release
    verifier = Verifier(public_key_file(home))
    for release in (promoted, paused, *ReleaseLog(home / "releases").entries()):
        verifier.check(release)


def test_the_key_for_signing_is_its_owners_alone_and_is_never_replaced(home: Path) -> None:
    assert stat.S_IMODE(signing_key_file(home).stat().st_mode) == 0o600
    before = signing_key_file(home).read_bytes()
    with pytest.raises(KeyFileError, match="there already"):
        new_keys(home)
    assert signing_key_file(home).read_bytes() == before


def test_an_unsigned_entry_is_refused_and_without_a_key_nothing_is_signed(
    tmp_path: Path, home: Path, make_bundle, verdict_on
) -> None:
    bundle = make_bundle("two")
    other = tmp_path / "other"
    operations.promote(other, bundle, verdict_on(bundle), who="eve", why="mine")
    verifier = ChildVerifier(public_key_file(home))
    source = SignedSource(FolderSource(other), verifier)
    with pytest.raises(SignatureError, match="not signed"):
        source.release(1)
    verifier.rest()
    assert "signature" not in json.loads((other / "releases/000001.json").read_text())


def test_an_entry_of_another_key_is_refused(tmp_path: Path, home: Path, promoted: Release) -> None:
    new_keys(tmp_path / "eve")
    forged = Signer(signing_key_file(tmp_path / "eve")).signed(promoted)
    with pytest.raises(SignatureError, match="another key"):
        Verifier(public_key_file(home)).check(forged)


def test_a_signed_entry_may_not_be_shown_under_another_number_or_reason(
    home: Path, promoted: Release
) -> None:
    verifier = Verifier(public_key_file(home))
    for changed in (replace(promoted, sequence=9), replace(promoted, why="because")):
        with pytest.raises(SignatureError):
            verifier.check(changed)


def test_no_mutation_of_a_signed_file_is_taken_also_with_its_checksum_made_anew(
    home: Path, promoted: Release
) -> None:
    verifier, rng = Verifier(public_key_file(home)), random.Random(7)  # noqa: S311 - repeatable
    whole = bytearray(promoted.to_json().encode())
    n_taken = 0
    for number in range(N_MUTATIONS):
        mutated = bytearray(whole)
        place = rng.randrange(len(mutated))
        mutated[place] = (mutated[place] + rng.randrange(1, 256)) % 256
        body = _checksum_anew(bytes(mutated)) if number % 2 else bytes(mutated)
        try:
            release = Release.from_json(body)
            verifier.check(release)
        except EntryError:
            continue
        n_taken += release.checksum != promoted.checksum
    assert n_taken == 0


def test_with_a_key_a_whole_log_is_followed_and_its_bundles_are_tried_once(
    home: Path, promoted: Release
) -> None:
    tried: list[Path] = []
    signed = SignedSource(FolderSource(home), ChildVerifier(public_key_file(home)))
    source = TriedSource(signed, tried.append)
    digest = promoted.desired.digest_for("any") or ""
    assert source.release(1) == promoted
    assert source.release(2) is None
    assert source.bundle(digest) == source.bundle(digest)
    assert len(tried) == 1


def test_a_bundle_that_does_not_outlive_its_trial_is_not_given(
    home: Path, promoted: Release
) -> None:
    def refuse(folder: Path) -> None:
        raise BundleError("tried it", "it died", "keep the one in force")

    source = TriedSource(FolderSource(home), refuse)
    for _ in range(2):
        with pytest.raises(BundleError, match="it died"):
            source.bundle(promoted.desired.digest_for("any") or "")


@pytest.mark.parametrize("content", [b"", b"-----BEGIN PUBLIC KEY-----\n", b"\xff" * 20_000])
def test_a_file_that_is_no_key_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(content)
    with pytest.raises(KeyFileError, match=r"key\.pem"):
        Verifier(path)
    with pytest.raises(KeyFileError, match=r"key\.pem"):
        Signer(path)


def test_a_public_key_is_read_as_others_write_it_and_written_as_others_read_it(
    tmp_path: Path, home: Path, promoted: Release
) -> None:
    key = Ed25519PrivateKey.generate()
    theirs = tmp_path / "theirs.pem"
    pem = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    theirs.write_bytes(key.public_key().public_bytes(*pem))
    with pytest.raises(SignatureError, match="another key"):
        Verifier(theirs).check(promoted)
    ours = serialization.load_pem_public_key(public_key_file(home).read_bytes())
    assert public_key_file(home).read_bytes() == ours.public_bytes(*pem)
    other = ec.generate_private_key(ec.SECP256R1()).public_key()
    theirs.write_bytes(other.public_bytes(*pem))
    with pytest.raises(KeyFileError, match="no public Ed25519 key"):
        Verifier(theirs)


@given(text=st.text(max_size=120))
def test_no_text_is_a_signature(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    home = tmp_path_factory.getbasetemp() / "no-text"
    if not home.exists():
        new_keys(home)
    release = _seeded(home)
    with pytest.raises(SignatureError):
        Verifier(public_key_file(home)).check(replace(release, signature=text))


def _seeded(home: Path) -> Release:
    from components.policy.default_bundle import default_bundle

    return operations.seed(home, default_bundle()).release


def _checksum_anew(body: bytes) -> bytes:
    """What someone without the key can do: make content and checksum fit again."""
    try:
        content = json.loads(body)
        signature = content.pop("signature")
        content["checksum"] = "0" * 64
        release = _unchecked(content)
        return json.dumps(
            {**json.loads(release.to_json()), "signature": signature}, sort_keys=True
        ).encode()
    except (ValueError, KeyError, TypeError, AttributeError, EntryError):
        return body


def _unchecked(content: dict[str, object]) -> Release:
    from components.releases.entry import _release_from
    from components.releases.strict_json import Fields

    fields = Fields(content, "a mutation")
    fields.integer("schema_version")
    fields.text("checksum")
    return _release_from(fields, "a mutation")


def test_a_child_says_of_each_entry_what_a_verifier_says(
    tmp_path: Path, home: Path, promoted: Release
) -> None:
    verifier = ChildVerifier(public_key_file(home))
    new_keys(tmp_path / "eve")
    forged = Signer(signing_key_file(tmp_path / "eve")).signed(promoted)
    odd = [replace(promoted, signature=text) for text in (None, "\n", "a b\nc", "é" * 9, "A" * 999)]
    for release in (forged, *odd, replace(promoted, sequence=9)):
        with pytest.raises(SignatureError):
            verifier.check(release)
    verifier.check(promoted)
    verifier.rest()
    verifier.check(promoted)
    verifier.rest()
    public_key_file(home).unlink()
    with pytest.raises(KeyFileError, match="cannot be read"):
        verifier.check(promoted)


def test_a_child_that_was_killed_is_no_verdict_and_the_next_check_has_another(
    home: Path, promoted: Release
) -> None:
    verifier = ChildVerifier(public_key_file(home))
    verifier.check(promoted)
    child = verifier._child.process
    child.kill()
    child.wait()
    with pytest.raises(SourceAwayError):
        verifier.check(promoted)
    verifier.check(promoted)
    verifier.rest()
