"""Hints are written whole, read back, journalled before the first, and put back."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.actuation.errors import HintError
from components.actuation.hint import (
    HINT_FILE,
    Hint,
    decode_hint,
    encode_hint,
    read_hint_text,
    write_hint_text,
)
from components.actuation.hint_journal import HintJournal
from components.actuation.journal import Restoration

if TYPE_CHECKING:
    from pathlib import Path

ON_CPU = encode_hint(Hint("cpu"))
ON_GPU = encode_hint(Hint("dgpu"))


@given(st.text(min_size=1), st.none() | st.text(), st.none() | st.text())
def test_a_hint_reads_back_as_it_was_written(
    device: str, probe: str | None, probe_id: str | None
) -> None:
    hint = Hint(device, probe, probe_id)

    assert decode_hint(encode_hint(hint)) == hint


def test_whoever_serves_may_read_a_hint_whatever_our_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        write_hint_text(tmp_path, ON_GPU)
    finally:
        os.umask(before)

    assert (tmp_path / HINT_FILE).stat().st_mode & 0o777 == 0o644
    assert [path.name for path in tmp_path.iterdir()] == [HINT_FILE]


def test_a_directory_that_is_not_there_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(HintError, match=r"joulepilot\.hint-dir"):
        write_hint_text(tmp_path / "nowhere", ON_GPU)


def test_what_stood_there_before_the_first_hint_is_put_back(tmp_path: Path) -> None:
    folder = tmp_path / "hints"
    folder.mkdir()
    write_hint_text(folder, ON_CPU)
    journal = HintJournal(tmp_path / "hints.json")
    journal.write("id1", "web", folder, ON_GPU)
    journal.write("id1", "web", folder, encode_hint(Hint("igpu")))

    after_crash = HintJournal(tmp_path / "hints.json")
    (restored,) = after_crash.restore_all()

    assert restored.outcome is Restoration.RESTORED
    assert read_hint_text(folder) == ON_CPU
    assert not after_crash.is_journalled("id1")


def test_where_no_hint_was_none_is_left(tmp_path: Path) -> None:
    folder = tmp_path / "hints"
    folder.mkdir()
    journal = HintJournal(tmp_path / "hints.json")
    journal.write("id1", "web", folder, ON_GPU)

    journal.restore("id1")

    assert list(folder.iterdir()) == []
    assert journal.restore("id1") is None


def test_a_directory_that_went_away_is_gone_not_failed(tmp_path: Path) -> None:
    folder = tmp_path / "hints"
    folder.mkdir()
    journal = HintJournal(tmp_path / "hints.json")
    journal.write("id1", "web", folder, ON_GPU)
    (folder / HINT_FILE).unlink()
    folder.rmdir()

    (restored,) = journal.restore_all()

    assert restored.outcome is Restoration.GONE


def test_nothing_is_written_where_the_original_cannot_be_kept(tmp_path: Path) -> None:
    folder = tmp_path / "hints"
    folder.mkdir()
    (tmp_path / "file").write_text("in the way")
    journal = HintJournal(tmp_path / "file" / "hints.json")

    with pytest.raises(Exception, match="no container is changed"):
        journal.write("id1", "web", folder, ON_GPU)

    assert read_hint_text(folder) == ""
