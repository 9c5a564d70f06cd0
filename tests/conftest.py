"""What this machine has, and what becomes of tests that need more."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

NO_SKIPS = os.environ.get("JOULEPILOT_NO_SKIPS") == "1"


def _has_docker() -> bool:
    if shutil.which("docker") is None:
        return False
    return subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0


def _has_chromium() -> bool:
    return shutil.which("chromium") is not None


def _has_postgres() -> bool:
    return any(shutil.which(name) for name in ("postgres", "pg_ctlcluster"))


NEEDS: dict[str, tuple[Callable[[], bool], str]] = {
    "docker": (_has_docker, "a running Docker engine (apt-get install docker.io; start dockerd)"),
    "browser": (_has_chromium, "Chromium (apt-get install chromium)"),
    "postgres": (_has_postgres, "PostgreSQL (apt-get install postgresql)"),
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for marker, (is_there, what) in NEEDS.items():
        marked = [item for item in items if item.get_closest_marker(marker)]
        if marked and not is_there():
            for item in marked:
                item.add_marker(pytest.mark.skip(reason=f"needs {what}"))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if NO_SKIPS and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = terminalreporter.stats.get("skipped", [])
    if skipped and NO_SKIPS:
        terminalreporter.write_line(
            f"{len(skipped)} skipped, and JOULEPILOT_NO_SKIPS=1 makes each a failure", red=True
        )
    elif skipped:
        terminalreporter.write_line(
            f"{len(skipped)} skipped for want of what the SKIPPED lines name; "
            "install it and run again to check everything",
            yellow=True,
        )
