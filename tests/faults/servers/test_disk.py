"""The disk of the home is full: what is refused says so, and nothing of it is there by half."""

from __future__ import annotations

import errno
import subprocess
import urllib.error
from typing import TYPE_CHECKING, Any

import pytest

from components.lake.lake import Lake
from components.lake.schema import Table
from flows.demo.damage import send_damaged_samples
from flows.errors import DemoError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
ROOM_MB = 600
ENDED = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, as large as a home with its servers needs."""
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={ROOM_MB}m", "tmpfs", str(folder)], check=True
    )
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill(folder: Path) -> Path:
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12):
            while True:
                try:
                    file.write(bytes(size))
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    break
    return ballast


def require_refused(said: subprocess.CompletedProcess[str]) -> None:
    assert said.returncode == 1, said.stdout
    assert "what to do" in said.stderr
    assert "No space left" in said.stderr or "written" in said.stderr, said.stderr
    assert "Traceback" not in said.stderr, said.stderr


def begin_if_it_can(stack: Any, deployment: str) -> list[str]:
    try:
        return [stack.begin(deployment)]
    except urllib.error.HTTPError:
        return []  # Prefect's own database is on that disk


def test_on_a_full_disk_all_is_refused_whole_and_goes_on_when_there_is_room(
    small_disk: Path,
    make_stack: Callable[[Path], Any],
    wait_for: Callable[..., None],
    tmp_path: Path,
) -> None:
    stack = make_stack(small_disk / "home")
    stack.start("prefect", "mlflow", "hub")
    stack.end_silent_runs_after(45)
    assert stack.joulepilot("deploy").returncode == 0
    stack.start_worker()
    assert stack.end_of(stack.begin("check/regularly")) == "Checked"
    rows = send_damaged_samples(stack.settings.hub_url, tmp_path / "buffer")

    ballast = fill(small_disk)
    n_entries = len(stack.entries())
    require_refused(stack.joulepilot("ingest"))
    require_refused(stack.joulepilot("pause", "--why", "a test"))
    assert len(stack.entries()) == n_entries
    with pytest.raises(DemoError, match="still wait"):
        send_damaged_samples(stack.settings.hub_url, tmp_path / "other")
    runs = begin_if_it_can(stack, "check/regularly")

    ballast.unlink()
    for run in runs:
        assert stack.end_of(run) in {"Bad data", "Failed", "Crashed"}
    stack.joulepilot("ingest")
    lake = Lake(stack.settings.home / "lake")
    assert len(lake.read(Table.RAW)) == len(rows)
    assert stack.end_of(stack.begin("check/regularly")) == "Bad data"
    assert len(lake.read(Table.QUARANTINE)) == len(rows)
    assert stack.joulepilot("pause", "--why", "a test").returncode in {0, 4}
    assert len(stack.entries()) == n_entries + 1
    wait_for(lambda: all(state in ENDED for state in stack.begun()), "every run to end")
