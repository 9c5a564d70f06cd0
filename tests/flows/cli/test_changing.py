"""Going back at night: shown first, asked for, and possible with everything else down."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from components.policy.default_bundle import default_bundle
from components.releases.log import ReleaseLog
from components.releases.operations import pause, seed
from flows.services import free_port

WHY = ("--why", "it misses its target")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    seed(tmp_path, default_bundle())
    return tmp_path


def joulepilot(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run it with nobody at the terminal and no server up."""
    flags = ["--home", str(home), "--hub-port", str(free_port())]
    return subprocess.run(
        [sys.executable, "-m", "flows.cli.main", *words, *flags],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def kinds(home: Path) -> list[str]:
    return [str(entry.kind) for entry in ReleaseLog(home / "releases").entries()]


def test_without_a_terminal_and_without_yes_nothing_changes(home: Path) -> None:
    result = joulepilot(home, "rollback", "--to", "1", *WHY)
    assert result.returncode == 3
    assert "give --yes" in result.stderr
    assert kinds(home) == ["promote"]


def test_a_dry_run_shows_what_would_run_and_changes_nothing(home: Path) -> None:
    result = joulepilot(home, "rollback", "--to", "1", "--dry-run", *WHY)
    assert result.returncode == 0
    assert "This would roll back" in result.stdout
    assert kinds(home) == ["promote"]


def test_with_the_hub_away_the_entry_is_made_and_nobody_claims_to_follow(home: Path) -> None:
    result = joulepilot(home, "pause", *WHY, "--json")
    assert result.returncode == 4
    assert "nobody can say who follows" in json.loads(result.stdout)["nodes"]
    assert kinds(home) == ["promote", "pause"]


def test_who_does_not_wait_is_told_only_of_the_entry(home: Path) -> None:
    pause(home, who="ann", why="to look")
    result = joulepilot(home, "resume", "--no-wait", *WHY)
    assert (result.returncode, result.stdout.split(":")[0]) == (0, "entry 3")
