from __future__ import annotations

import subprocess
import threading
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.actuation.run_queue import RunQueueWait


def _write(proc: Path, thread: int, wait_ns: int, pid: int = 7) -> Path:
    file = proc / f"{pid}/task/{thread}/schedstat"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"1 {wait_ns} 1\n")
    return file


def test_waits_of_all_threads_of_all_processes_add_up(tmp_path: Path) -> None:
    _write(tmp_path, 7, 1_000_000_000)
    _write(tmp_path, 8, 500_000_000)
    _write(tmp_path, 9, 250_000_000, pid=9)
    assert RunQueueWait().update(tmp_path, [7, 9, 10]) == 1.75


def test_the_wait_of_a_thread_that_ended_stays_in_the_sum(tmp_path: Path) -> None:
    waits = RunQueueWait()
    _write(tmp_path, 7, 1_000_000_000)
    gone = _write(tmp_path, 8, 3_000_000_000)
    assert waits.update(tmp_path, [7]) == 4.0
    gone.unlink()
    assert waits.update(tmp_path, [7]) == 4.0
    _write(tmp_path, 8, 500_000_000)
    assert waits.update(tmp_path, [7]) == 4.5


def test_a_number_taken_over_by_a_new_thread_counts_anew(tmp_path: Path) -> None:
    waits = RunQueueWait()
    _write(tmp_path, 7, 2_000_000_000)
    waits.update(tmp_path, [7])
    _write(tmp_path, 7, 500_000_000)
    assert waits.update(tmp_path, [7]) == 2.5


def test_a_kernel_that_shows_nothing_gives_none(tmp_path: Path) -> None:
    assert RunQueueWait().update(tmp_path, [7]) is None
    _write(tmp_path, 7, 0).write_text("")
    assert RunQueueWait().update(tmp_path, [7]) is None


@settings(max_examples=50)
@given(st.lists(st.dictionaries(st.integers(1, 4), st.integers(0, 10**9), min_size=1), max_size=5))
def test_the_sum_never_falls(rounds: list[dict[int, int]]) -> None:
    waits = RunQueueWait()
    last = 0.0
    with TemporaryDirectory() as folder:
        for threads in rounds:
            for file in Path(folder).glob("7/task/*/schedstat"):
                file.unlink()
            for thread, wait_ns in threads.items():
                _write(Path(folder), thread, wait_ns)
            now = waits.update(Path(folder), [7])
            assert now is not None
            assert now >= last
            last = now


def test_what_waking_up_takes_of_itself_is_not_counted(tmp_path: Path) -> None:
    waits = RunQueueWait(wake_s=50e-6)
    short, long = _write(tmp_path, 7, 0), _write(tmp_path, 8, 0)
    assert waits.update(tmp_path, [7]) == 0.0
    short.write_text("1 4000000 101\n")  # 40 µs each time
    long.write_text("1 4000000 3\n")  # 2 ms each time
    assert waits.update(tmp_path, [7]) == pytest.approx(0.0039)


def test_processes_that_end_while_they_are_looked_at_disturb_nothing() -> None:
    """On a container of short commands every look is a race with the end of one."""
    pid, is_over = [0], threading.Event()

    def come_and_go() -> None:
        for _ in range(150):
            with subprocess.Popen(["true"]) as process:
                pid[0] = process.pid
        is_over.set()

    starter = threading.Thread(target=come_and_go)
    starter.start()
    waits, n_looks = RunQueueWait(), 0
    while not is_over.is_set():
        waits.update(Path("/proc"), pid)
        n_looks += 1
    starter.join()
    assert n_looks > 100
