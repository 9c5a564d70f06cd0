"""A PostgreSQL of its own that asks for a password, and servers that keep their state there."""

from __future__ import annotations

import base64
import json
import os
import secrets
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flows.databases import MLFLOW, PREFECT
from flows.services import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

POSTGRES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
OWNER = "postgres"
USER = "joulepilot"


class Cluster:
    """Run by the user that Debian made for it: it refuses to be root."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.password = secrets.token_hex(16)
        (folder / "password").write_text(self.password)
        for path in (folder, folder / "password"):
            shutil.chown(path, OWNER, OWNER)
        asked = ["-U", USER, "--pwfile", f"{folder}/password", "--auth=scram-sha-256"]
        self.run("initdb", "-D", f"{folder}/data", "-E", "UTF8", *asked)

    @property
    def address(self) -> str:
        return f"postgresql://{USER}:{self.password}@127.0.0.1:{self.port}"

    def run(self, program: str, *words: str) -> str:
        argv = ["runuser", "-u", OWNER, "--", str(POSTGRES[-1] / program), *words]
        environment = os.environ | {"PGPASSWORD": self.password, "PGUSER": USER}
        return subprocess.run(
            argv, check=True, capture_output=True, text=True, cwd=self.folder, env=environment
        ).stdout

    def control(self, verb: str) -> None:
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1"
        log = ["-l", f"{self.folder}/log", "-o", options, "-w", "-m", "fast"]
        self.run("pg_ctl", "-D", f"{self.folder}/data", *log, verb)

    def client(self, program: str, *words: str) -> str:
        return self.run(program, "-h", "127.0.0.1", "-p", str(self.port), *words)


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    folder = Path(tempfile.mkdtemp(prefix="joulepilot-postgres-"))
    made = Cluster(folder)
    made.control("start")
    for name in (PREFECT, MLFLOW):
        made.client("createdb", name)
    yield made
    made.control("stop")
    shutil.rmtree(folder)


def ask(url: str, body: dict[str, Any] | None = None, login: str | None = None) -> Any:
    """Ask a server for JSON; while its database is away it is asked again."""
    headers = {"content-type": "application/json"}
    if login is not None:
        headers["authorization"] = f"Basic {base64.b64encode(login.encode()).decode()}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers=headers)
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code < 500 or time.monotonic() > deadline:
                raise
            time.sleep(0.5)


@pytest.fixture(name="ask")
def ask_fixture() -> Callable[..., Any]:
    return ask


@pytest.fixture
def run_check() -> Callable[..., str]:
    """Have a worker run the flow `check`, and say in which state it ended."""

    def run(api: str, login: str | None = None) -> str:
        deployment = ask(f"{api}/deployments/name/check/regularly", login=login)["id"]
        made = ask(f"{api}/deployments/{deployment}/create_flow_run", {}, login)["id"]
        deadline = time.monotonic() + 180
        while True:
            state = ask(f"{api}/flow_runs/{made}", login=login)["state"]
            if state["type"] in {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}:
                return str(state["name"])
            assert time.monotonic() < deadline, state
            time.sleep(0.5)

    return run
