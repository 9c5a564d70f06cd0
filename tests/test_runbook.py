"""Every command of the runbook is one that exists, and those of the node are run in its order."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from components.executor.cli import parser as node_parser
from flows.cli.main import _parser as people_parser

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
DOCS = ("runbook.md", "threat-model.md", "operations.md", "team.md", "many-jobs.md")
COMMANDS = [
    line
    for name in DOCS
    for block in re.findall(r"```sh\n(.*?)```", (ROOT / "docs" / name).read_text(), re.DOTALL)
    for line in block.strip().splitlines()
]
JOB = "resnet"
ON_THE_NODE = [line for line in COMMANDS if line.startswith("joulepilot-node ")]
ELSEWHERE = {"replace", "rollback"}
"""Verbs that need a router, or a policy from before; their own tests run them."""
MAY_SAY_NO = {"doctor", "health"}
"""Verbs that answer a question about this machine."""


def test_there_are_commands_to_test() -> None:
    assert len(COMMANDS) > 15
    assert len(ON_THE_NODE) > 10


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_is_one_that_exists(line: str) -> None:
    words = shlex.split(line.replace("JOB", JOB), comments=True)
    if words[0] == "joulepilot-node":
        assert node_parser().parse_args(words[1:]).verb == words[1]
    elif words[0] == "joulepilot":
        assert people_parser().parse_args(words[1:]).handler
    elif words[0] == "prefect":
        assert words[1:3] == ["worker", "start"]
    elif words[0] == "systemd-analyze":
        assert (ROOT / words[-1]).is_file()
    elif "docker-compose" in words:
        assert (ROOT / "deployments/compose/compose.yaml").is_file()
    else:
        assert os.access(ROOT / words[0], os.X_OK)


def test_what_a_table_quotes_is_really_said_somewhere() -> None:
    text = (ROOT / "docs/runbook.md").read_text()
    quoted = re.findall(r"^\| `([^`]+)`", text, re.MULTILINE)
    sources = [path.read_text() for path in (ROOT / "components").rglob("*.py")]
    for said in quoted:
        part = max(re.split(r"…|WRONG: |[0-9]+(?: ms)?", said), key=len).strip()
        assert any(part in source for source in sources), said
    assert len(quoted) >= 8


def test_files_the_threat_model_names_are_there() -> None:
    text = (ROOT / "docs/threat-model.md").read_text()
    named = re.findall(r"`((?:\w+/)+\w+\.(?:py|service))`", text)
    assert len(named) >= 8
    places = (ROOT, ROOT / "components")
    assert [name for name in named if not any((place / name).is_file() for place in places)] == []


def test_each_page_is_one_page() -> None:
    for name in DOCS:
        assert len((ROOT / "docs" / name).read_text().splitlines()) <= 100


@pytest.fixture(scope="module")
def executor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A made-up node in charge of a job; the environment to ask it by."""
    home = tmp_path_factory.mktemp("runbook")
    environment = {**os.environ, "JOULEPILOT_HOME": str(home)}
    words = ["run", "--host", "madeup:reference", "--pace", "5", "--tick-s", "1"]
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "components.executor", *words],
            env=environment,
            stdout=log,
            stderr=log,
        )
    try:
        until_s = time.monotonic() + 60
        while _node("explain", JOB, environment=environment).returncode != 0:
            assert time.monotonic() < until_s, (home / "log").read_text()
            time.sleep(0.2)
        yield environment
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def test_the_runbook_is_played_through_on_a_node(executor: dict[str, str]) -> None:
    for line in ON_THE_NODE:
        words = shlex.split(line.replace("JOB", JOB))[1:]
        if words[0] in ELSEWHERE:
            continue
        done = _node(*words, environment=executor)
        allowed = {0, 1} if words[0] in MAY_SAY_NO else {0}
        assert done.returncode in allowed, (line, done.stdout, done.stderr)
        assert done.stdout.strip(), line


def _node(*words: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "components.executor", *words],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
