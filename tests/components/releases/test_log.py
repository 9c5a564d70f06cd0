from __future__ import annotations

import signal
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from components.releases.desired import Desired, Ring
from components.releases.entry import Kind
from components.releases.errors import ConflictError, EntryError, RefusedError, ReleaseLogError
from components.releases.log import Draft, ReleaseLog
from components.releases.verdict import RuleResult, Verdict

if TYPE_CHECKING:
    from pathlib import Path

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
A, B, C = "a" * 64, "b" * 64, "c" * 64
N_PLACES = 60
WRITER = f"""
import sys
from datetime import UTC, datetime
from pathlib import Path
from components.releases.desired import Desired, Ring
from components.releases.entry import Kind
from components.releases.errors import ConflictError
from components.releases.log import Draft, ReleaseLog
from components.releases.verdict import RuleResult, Verdict

log, who = ReleaseLog(Path(sys.argv[1])), sys.argv[2]
desired = Desired((Ring(("*",), {{"core-allocator": "{A}"}}),))
verdict = Verdict.of("{A}", (RuleResult("regret", True, "0", "0", "Fine."),))
print("ready", flush=True)
sys.stdin.readline()
for after in range(len(log.entries()), {N_PLACES}):
    draft = Draft(after=after, kind=Kind.PROMOTE, desired=desired, who=who,
                  when=datetime.now(UTC), why="a test", verdict=verdict)
    try:
        print(log.append(draft).sequence, flush=True)
    except ConflictError:
        pass
"""


def promotion(digest: str, after: int, who: str = "ann") -> Draft:
    rule = RuleResult("regret", True, "0", "0", "Fine.")
    return Draft(
        after=after,
        kind=Kind.PROMOTE,
        desired=Desired((Ring(("*",), {"core-allocator": digest}),)),
        who=who,
        when=NOON,
        why=f"because of {who}",
        verdict=Verdict.of(digest, (rule,)),
    )


def rolled_back(digest: str, after: int) -> Draft:
    return replace(promotion(digest, after), kind=Kind.ROLLBACK, verdict=None)


@pytest.fixture
def log(tmp_path: Path) -> ReleaseLog:
    return ReleaseLog(tmp_path / "releases")


def test_an_empty_log_has_no_release(log: ReleaseLog) -> None:
    assert log.latest() is None
    assert log.get(1) is None
    assert log.entries() == ()


def test_entries_follow_one_another(log: ReleaseLog) -> None:
    first, second = log.append(promotion(A, 0)), log.append(promotion(B, 1))
    assert log.entries() == (first, second)
    assert log.latest() == second
    assert (log.get(0), log.get(1), log.get(2), log.get(3)) == (None, first, second, None)


def test_what_is_known_is_not_read_again_unless_the_log_was_cut(
    log: ReleaseLog, tmp_path: Path
) -> None:
    first = log.append(promotion(A, 0))
    known = log.entries()
    second = log.append(promotion(B, 1))
    again = log.entries(known)
    assert again == (first, second)
    assert again[0] is known[0]
    next(tmp_path.rglob("000002.json")).unlink()
    assert log.entries(again) == (first,)


def test_only_whole_entries_and_nothing_else_lie_in_the_folder(
    log: ReleaseLog, tmp_path: Path
) -> None:
    log.append(promotion(A, 0))
    with pytest.raises(ConflictError):
        log.append(promotion(B, 0))
    assert [path.name for path in (tmp_path / "releases").iterdir()] == ["000001.json"]


def test_the_loser_is_told_who_won_and_with_what(log: ReleaseLog) -> None:
    log.append(promotion(A, 0, who="ann"))
    with pytest.raises(ConflictError, match=r'ann was first .*: promote, "because of ann"'):
        log.append(promotion(B, 0, who="bob"))
    latest = log.latest()
    assert latest is not None
    assert latest.who == "ann"


def test_of_many_threads_at_once_exactly_one_wins_each_place(log: ReleaseLog) -> None:
    n_threads, n_places = 8, 5
    start = threading.Barrier(n_threads)
    won: list[tuple[int, str]] = []
    lost: list[str] = []

    def race(who: str) -> None:
        for after in range(n_places):
            start.wait(timeout=30)
            try:
                won.append((log.append(promotion(A, after, who)).sequence, who))
            except ConflictError as error:
                lost.append(str(error))

    threads = [threading.Thread(target=race, args=(f"p{n}",)) for n in range(n_threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(sequence for sequence, _ in won) == list(range(1, n_places + 1))
    assert len(lost) == n_places * (n_threads - 1)
    assert {entry.sequence: entry.who for entry in log.entries()} == dict(won)


def writer(folder: Path, who: str) -> subprocess.Popen[str]:
    """A process that appends entries, one after the other, once it is told to start."""
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder), who],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def started(*writers: subprocess.Popen[str]) -> None:
    for process in writers:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in writers:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()


def test_of_two_processes_at_once_one_wins_each_place(tmp_path: Path) -> None:
    folder = tmp_path / "releases"
    with writer(folder, "ann") as ann, writer(folder, "bob") as bob:
        started(ann, bob)
        won = {"ann": ann.communicate(timeout=60)[0].split(), "bob": bob.communicate()[0].split()}
    entries = ReleaseLog(folder).entries()
    assert len(entries) == N_PLACES
    for who, sequences in won.items():
        assert [e.sequence for e in entries if e.who == who] == [int(s) for s in sequences]


def test_a_writer_killed_at_any_moment_leaves_whole_entries_only(tmp_path: Path) -> None:
    folder = tmp_path / "releases"
    for n_more in (1, 3, 6):
        n_before = len(ReleaseLog(folder).entries())
        with writer(folder, "ann") as process:
            started(process)
            assert process.stdout is not None
            for _ in range(n_more):
                process.stdout.readline()
            process.send_signal(signal.SIGKILL)
        assert len(ReleaseLog(folder).entries()) >= n_before + n_more
    n_entries = len(ReleaseLog(folder).entries())
    assert ReleaseLog(folder).append(promotion(B, n_entries)).sequence == n_entries + 1


def test_a_damaged_entry_is_named_and_nothing_is_lost(log: ReleaseLog, tmp_path: Path) -> None:
    log.append(promotion(A, 0))
    log.append(promotion(B, 1))
    path = tmp_path / "releases/000001.json"
    damaged = path.read_text().replace('"ann"', '"eve"')
    path.write_text(damaged)
    with pytest.raises(ReleaseLogError, match=r"000001\.json.*checksum"):
        log.entries()
    with pytest.raises(ReleaseLogError):
        log.append(promotion(C, 2))
    assert path.read_text() == damaged
    assert sorted(p.name for p in path.parent.iterdir()) == ["000001.json", "000002.json"]


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\xfe", b"x" * (2 << 20)])
def test_a_torn_or_foreign_file_is_no_entry(
    log: ReleaseLog, tmp_path: Path, content: bytes
) -> None:
    log.append(promotion(A, 0))
    (tmp_path / "releases/000002.json").write_bytes(content)
    with pytest.raises(ReleaseLogError, match=r"000002\.json"):
        log.latest()


def test_a_gap_is_named(log: ReleaseLog, tmp_path: Path) -> None:
    for after, digest in enumerate((A, B, C)):
        log.append(promotion(digest, after))
    (tmp_path / "releases/000002.json").unlink()
    for ask in (log.latest, log.entries, lambda: log.get(3), lambda: log.append(promotion(A, 3))):
        with pytest.raises(ReleaseLogError, match=r"000002\.json is missing"):
            ask()


def test_an_entry_under_another_number_is_refused(log: ReleaseLog, tmp_path: Path) -> None:
    log.append(promotion(A, 0))
    folder = tmp_path / "releases"
    (folder / "000002.json").write_bytes((folder / "000001.json").read_bytes())
    with pytest.raises(ReleaseLogError, match="it is entry 1"):
        log.latest()


def test_a_draft_cannot_leave_a_gap(log: ReleaseLog) -> None:
    with pytest.raises(ReleaseLogError, match="the last entry is 0"):
        log.append(promotion(A, 5))


def test_a_folder_that_cannot_be_written_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "releases").write_text("a file where the folder should be")
    with pytest.raises(ReleaseLogError, match="make it a readable folder"):
        ReleaseLog(tmp_path / "releases").append(promotion(A, 0))


def test_going_back_needs_no_verdict_where_the_bundle_once_passed(log: ReleaseLog) -> None:
    log.append(promotion(A, 0))
    log.append(promotion(B, 1))
    assert log.append(rolled_back(A, 2)).desired.digest_for("n") == A


def test_going_back_to_what_never_passed_is_refused(log: ReleaseLog) -> None:
    log.append(promotion(A, 0))
    with pytest.raises(RefusedError, match="never passed the gate"):
        log.append(rolled_back(B, 1))
    assert len(log.entries()) == 1


def test_a_pause_cannot_smuggle_in_another_policy(log: ReleaseLog) -> None:
    log.append(promotion(A, 0))
    log.append(promotion(B, 1))
    with pytest.raises(RefusedError, match="would change which policy runs"):
        log.append(replace(rolled_back(A, 2), kind=Kind.PAUSE))


def test_an_entry_too_large_to_be_read_again_is_not_written(log: ReleaseLog) -> None:
    with pytest.raises(EntryError, match="larger than"):
        log.append(replace(promotion(A, 0), why="x" * (1 << 20)))
    assert log.latest() is None
