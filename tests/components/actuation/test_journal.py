from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.actuation.errors import JournalError
from components.actuation.journal import Journal
from components.actuation.journal_format import VERSION, Original, decode, encode

if TYPE_CHECKING:
    from pathlib import Path

originals = st.lists(
    st.builds(Original, st.text(max_size=20), st.text(max_size=20), st.text(max_size=20)),
    max_size=5,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "node" / "journal"


@given(originals)
def test_originals_survive_being_written_and_read(kept: list[Original]) -> None:
    text = decode(encode(kept).encode())
    assert text.originals == tuple(kept)
    assert text.problem is None


@given(originals.filter(bool), st.data())
def test_any_changed_byte_is_noticed_and_no_false_original_is_believed(
    kept: list[Original], data: st.DataObject
) -> None:
    whole = bytearray(encode(kept).encode())
    place = data.draw(st.integers(0, len(whole) - 2))
    whole[place] ^= data.draw(st.integers(1, 127))
    text = decode(bytes(whole))
    assert text.problem is not None
    assert set(text.originals) <= set(kept)


@pytest.mark.parametrize("other", [b"\x0b", b"\x0c", b"\r", b"\x1c"])
def test_an_end_of_line_that_was_changed_is_noticed(other: bytes) -> None:
    whole = encode([Original("id-1", "web", "0-1"), Original("id-2", "db", "")]).encode()
    damaged = whole[:-1].replace(b"\n", other) + b"\n"
    assert decode(damaged).problem is not None


@given(originals, st.data())
def test_a_file_cut_short_is_noticed(kept: list[Original], data: st.DataObject) -> None:
    whole = encode(kept).encode()
    cut = whole[: data.draw(st.integers(0, len(whole) - 2))]
    assert decode(cut).problem is not None


def test_an_original_survives_the_process(path: Path) -> None:
    Journal(path).record("id-1", "web", "0-1")
    journal = Journal(path)
    assert journal.originals() == {"id-1": Original("id-1", "web", "0-1")}
    assert journal.health == ()


def test_the_first_original_is_the_one_that_counts(path: Path) -> None:
    journal = Journal(path)
    journal.record("id-1", "web", "")
    journal.record("id-1", "web", "3")
    assert Journal(path).originals()["id-1"].configured == ""


def test_what_is_forgotten_is_gone_for_the_next_process_too(path: Path) -> None:
    journal = Journal(path)
    journal.record("id-1", "web", "0")
    journal.record("id-2", "api", "1")
    journal.forget("id-1")
    journal.forget("id-3")
    assert set(Journal(path).originals()) == {"id-2"}


def test_only_its_owner_reads_it(path: Path) -> None:
    Journal(path).record("id-1", "web", "0")
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\x00", b"deadbeef [1]\n", b"\n" * 9])
def test_a_damaged_journal_is_set_aside_and_work_goes_on(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    journal = Journal(path)
    assert journal.originals() == {}
    (line,) = journal.health
    aside = path.with_name("journal.damaged-1")
    assert str(aside) in line
    assert aside.read_bytes() == content
    journal.record("id-1", "web", "0")
    assert set(Journal(path).originals()) == {"id-1"}


def test_whole_lines_of_a_damaged_journal_are_kept(path: Path) -> None:
    journal = Journal(path)
    journal.record("id-1", "web", "0")
    journal.record("id-2", "api", "1")
    path.write_text(path.read_text().replace("api", "apx"))
    journal = Journal(path)
    assert "1 of 2 entries are whole" in journal.health[0]
    assert set(journal.originals()) == {"id-1"}
    again = Journal(path)
    assert set(again.originals()) == {"id-1"}
    assert again.health == ()


def test_each_damaged_journal_keeps_a_name_of_its_own(path: Path) -> None:
    path.parent.mkdir()
    for content in ("one", "two"):
        path.write_text(content)
        Journal(path)
    names = sorted(p.name for p in path.parent.glob("journal.damaged-*"))
    assert names == ["journal.damaged-1", "journal.damaged-2"]


def test_a_journal_of_a_newer_program_is_set_aside_unread(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("components.actuation.journal_format.VERSION", VERSION + 1)
    Journal(path).record("id-1", "web", "0")
    monkeypatch.undo()
    journal = Journal(path)
    assert f"of version {VERSION + 1}" in journal.health[0]
    assert journal.originals() == {}


def test_a_journal_that_cannot_be_read_is_told(path: Path) -> None:
    path.mkdir(parents=True)
    journal = Journal(path)
    assert "cannot be read" in journal.health[0]
    with pytest.raises(JournalError):
        journal.record("id-1", "web", "0")


def test_what_cannot_be_kept_is_not_claimed_to_be(path: Path) -> None:
    journal = Journal(path)
    path.parent.write_text("a file where the folder should be")
    with pytest.raises(JournalError, match="no container is changed"):
        journal.record("id-1", "web", "0")
    assert journal.originals() == {}


def test_a_kill_at_any_moment_leaves_a_whole_journal(path: Path) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from components.actuation.journal import Journal\n"
        "journal = Journal(Path(sys.argv[1]))\n"
        "for n in range(100000):\n"
        "    journal.record(f'id-{n}', 'web', '0')\n"
        "    print(n, flush=True)\n"
        "    journal.forget(f'id-{n - 20}')\n"
    )
    for n_lines in (1, 7, 30):
        child = subprocess.Popen(
            [sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True
        )
        with child:
            assert child.stdout is not None
            for _ in range(n_lines):
                told = int(child.stdout.readline())
            os.kill(child.pid, signal.SIGKILL)
        journal = Journal(path)
        assert journal.health == ()
        assert f"id-{told}" in journal.originals()
        path.unlink()
