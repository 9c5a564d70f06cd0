"""A Docker engine that answers as recorded from real ones, on a real unix socket."""

from __future__ import annotations

import json
import re
import socketserver
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any

import pytest

from components.actuation.docker_host import DockerHost
from components.node.cpuset import format_cpu_list, parse_cpu_list
from components.node.errors import CpuListError

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator
    from pathlib import Path

CONTAINER_ID = "9cdffedcecb6184b01596b8f7a02421cf86f0602bdf1ee5089925038edbd5136"
PID = 4242
N_CPUS = 8


@dataclass
class FakeEngine:
    """One container `web`, and the files in which its kernel shows it."""

    root: Path
    cgroup_version: int
    cpuset: str = ""
    pid: int = PID
    api_version: str = "1.41"
    scripted: list[tuple[int, object]] = field(default_factory=list)
    """Answers to give next instead of acting."""
    requests: list[tuple[str, str, object]] = field(default_factory=list)
    drops_updates: bool = False
    """The engine says 200 and the kernel uses another set."""
    stops_on_update: bool = False
    is_removed: bool = False

    def __post_init__(self) -> None:
        write(self.root / "sys/devices/system/cpu/online", f"0-{N_CPUS - 1}")
        parent = f"docker/{CONTAINER_ID}"
        if self.cgroup_version == 1:
            self.folder = self.root / "cgroup/cpuset" / parent
            self.effective_file = "cpuset.effective_cpus"
            text = f"3:cpuset:/{parent}\n2:cpu,cpuacct:/{parent}\n0::/elsewhere\n"
            usage = self.root / "cgroup/cpu,cpuacct" / parent / "cpuacct.usage"
            write(usage, "1500000000")
        else:
            parent = f"system.slice/docker-{CONTAINER_ID}.scope"
            self.folder = self.root / "cgroup" / parent
            self.effective_file = "cpuset.cpus.effective"
            text = f"0::/{parent}/init.scope\n"
            write(self.folder / "cpu.stat", "usage_usec 1500000\nuser_usec 1\nsystem_usec 2")
        write(self.root / f"proc/{PID}/cgroup", text)
        write(self.folder.parent / self.effective_file, f"0-{N_CPUS - 1}")
        write(self.folder / self.effective_file, f"0-{N_CPUS - 1}")
        write(self.folder / "cgroup.procs", f"{PID}\n{PID + 1}")
        for pid in (PID, PID + 1):
            write(self.root / f"proc/{pid}/task/{pid}/schedstat", "100 250000000 3")

    @property
    def effective(self) -> str:
        return (self.folder / self.effective_file).read_text().strip()

    @property
    def updates(self) -> list[object]:
        return [body for method, _, body in self.requests if method == "POST"]

    def answer(self, method: str, path: str, body: Any) -> tuple[int, object]:
        self.requests.append((method, path, body))
        if path == "/_ping":
            return 200, "OK"
        if self.scripted:
            return self.scripted.pop(0)
        assert path.startswith(f"/v{self.api_version}/"), path
        path = path.removeprefix(f"/v{self.api_version}")
        if path == "/containers/json":
            return 200, [] if self.is_removed else [self._row()]
        match = re.fullmatch(r"/containers/([^/]+)/(json|update)", path)
        assert match is not None, path
        if self.is_removed or match[1] != CONTAINER_ID:
            return 404, {"message": f"No such container: {match[1]}"}
        return self._update(body) if match[2] == "update" else (200, self._inspection())

    def stop(self) -> None:
        self.pid = 0
        for file in (self.folder / self.effective_file, self.folder / "cgroup.procs"):
            file.unlink(missing_ok=True)
        (self.folder / "cpu.stat").unlink(missing_ok=True)
        self.folder.rmdir()

    def _update(self, body: Any) -> tuple[int, object]:
        if self.stops_on_update:
            self.stop()
            return 500, {"message": "Cannot update container: cannot update a stopped container"}
        text = body["CpusetCpus"]
        try:
            asked = parse_cpu_list(text)
        except CpuListError:
            return 400, {"message": f"Invalid value {text} for cpuset cpus"}
        if not asked <= frozenset(range(N_CPUS)):
            found = f"requested {text}, available: 0-{N_CPUS - 1}"
            return 400, {"message": f"Requested CPUs are not available - {found}"}
        self.cpuset = text or self.cpuset
        if self.pid and text and not self.drops_updates:
            write(self.folder / self.effective_file, format_cpu_list(asked))
        return 200, {"Warnings": None}

    def _inspection(self) -> object:
        state = {"Running": self.pid > 0, "Pid": self.pid}
        return {"Id": CONTAINER_ID, "State": state, "HostConfig": {"CpusetCpus": self.cpuset}}

    def _row(self) -> dict[str, object]:
        return {
            "Id": CONTAINER_ID,
            "Names": ["/web"],
            "Image": "server:1",
            "ImageID": "sha256:3402ca",
            "Labels": {"joulepilot.enable": "true"},
            "State": "running",
            "HostConfig": {"NetworkMode": "default"},
            "NetworkSettings": {"Networks": {"bridge": {"IPAddress": "172.17.0.2"}}},
        }


class EngineServer(socketserver.ThreadingUnixStreamServer):
    """Serves a FakeEngine; may hang, or close connections that it keeps."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, path: Path, engine: FakeEngine) -> None:
        self.engine = engine
        self.open: set[socket.socket] = set()
        self.n_accepted = 0
        self.hangs = threading.Event()
        self.released = threading.Event()
        super().__init__(str(path), _Handler)
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def process_request(self, request: Any, client_address: Any) -> None:
        self.open.add(request)
        self.n_accepted += 1
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.open.discard(request)
        super().shutdown_request(request)

    def break_connections(self) -> None:
        """Do what an engine that restarts does to clients that wait."""
        for connection in list(self.open):
            connection.shutdown(2)

    def stop(self) -> None:
        self.released.set()
        self.shutdown()
        self.break_connections()
        self.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: EngineServer

    def do_GET(self) -> None:
        self._answer(None)

    def do_POST(self) -> None:
        self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Stay silent."""

    def _answer(self, body: object) -> None:
        if self.server.hangs.is_set():
            self.server.released.wait(30)
            self.close_connection = True
            return
        status, document = self.server.engine.answer(self.command, self.path, body)
        data = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Api-Version", self.server.engine.api_version)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n")


@pytest.fixture
def make_engine() -> Callable[[Path, int], tuple[FakeEngine, EngineServer]]:
    """Make an engine of a version of cgroups, and serve it; who asks stops it."""

    def make(root: Path, cgroup_version: int) -> tuple[FakeEngine, EngineServer]:
        engine = FakeEngine(root, cgroup_version)
        return engine, EngineServer(root / "docker.sock", engine)

    return make


@pytest.fixture(params=[1, 2], ids=["cgroup-v1", "cgroup-v2"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> FakeEngine:
    return FakeEngine(tmp_path, request.param)


@pytest.fixture
def server(engine: FakeEngine) -> Iterator[EngineServer]:
    path = engine.root / "docker.sock"
    server = EngineServer(path, engine)
    yield server
    server.stop()


@pytest.fixture
def host(engine: FakeEngine, server: EngineServer) -> Iterator[DockerHost]:
    host = DockerHost(
        engine.root / "docker.sock",
        proc=engine.root / "proc",
        sysfs=engine.root / "sys",
        cgroup=engine.root / "cgroup",
        timeout_s=5.0,
    )
    yield host
    host.close()
