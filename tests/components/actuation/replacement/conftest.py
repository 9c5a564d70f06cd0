"""Real containers behind a real nginx or HAProxy, under load."""

from __future__ import annotations

import http.client
import io
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import threading
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from components.actuation.engine_api import EngineApi
from components.actuation.replacement import Replacement, Stage, Timing
from components.actuation.replacement_clone import Devices
from components.actuation.replacement_containers import Containers
from components.actuation.replacement_journal import ReplacementJournal
from components.actuation.router import FileRouter, RouterKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

IMAGE = "joulepilot-test-httpd:latest"
DOCKER = Path("/var/run/docker.sock")
DEVICE = next((d for d in ("/dev/fuse", "/dev/net/tun", "/dev/kvm") if Path(d).exists()), "")
PORT = 8000
TIMING = Timing(ready_s=20.0, quiet_s=0.6, drain_s=10.0)
NEEDS = {
    RouterKind.NGINX: "nginx (apt-get install nginx-light)",
    RouterKind.HAPROXY: "HAProxy (apt-get install haproxy)",
}


NGINX = """
daemon off; master_process on; worker_processes 2; pid {folder}/nginx.pid; error_log {folder}/error;
events {{ worker_connections 256; }}
http {{
  access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  include {folder}/routes/*.conf;
  server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://web; }} }}
}}
"""
HAPROXY = """
global
    stats socket {folder}/stats level admin expose-fd listeners
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend web_in
    bind 127.0.0.1:{port}
    default_backend web
"""


@dataclass
class Load:
    """Asks through the router without a pause, and counts what fails."""

    port: int
    n_answered: int = 0
    failures: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(3)]
        for thread in self._threads:
            thread.start()

    def _ask(self) -> None:
        while not self._ended.wait(0.004):
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
            try:
                connection.request("GET", "/index.html")
                response = connection.getresponse()
                if response.status != http.client.OK or not response.read():
                    self.failures.append(str(response.status))
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
            finally:
                connection.close()
            self.n_answered += 1

    def wait_for(self, n_more: int) -> None:
        """Until so many more were answered."""
        n_wanted = self.n_answered + n_more
        _wait(lambda: self.n_answered >= n_wanted, "more answers")

    def end(self) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()


@dataclass
class Site:
    """A container `web` behind a router."""

    folder: Path
    name: str
    kind: RouterKind
    port: int

    def __post_init__(self) -> None:
        self.engine = EngineApi(DOCKER, 60.0)
        self.containers = Containers(self.engine)
        self.file = self.folder / "routes/web.conf"
        if self.kind is RouterKind.HAPROXY:
            self.file = self.folder / "routes/web.cfg"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def reload_command(self) -> list[str]:
        if self.kind is RouterKind.NGINX:
            config = str(self.folder / "main.conf")
            return ["nginx", "-p", str(self.folder), "-c", config, "-s", "reload"]
        assert self.process is not None
        return ["kill", "-USR2", str(self.process.pid)]

    @property
    def router(self) -> FileRouter:
        return FileRouter(self.kind, "web", self.file, self.reload_command)

    def start_router(self) -> None:
        text = NGINX if self.kind is RouterKind.NGINX else HAPROXY
        config = self.folder / "main.conf"
        config.write_text(text.format(folder=self.folder, port=self.port))
        self.file.parent.mkdir()
        old = self.containers.inspect(self.name)
        assert old is not None
        address = f"{self.containers.address(str(old['Id']))}:{PORT}"
        FileRouter(self.kind, "web", self.file, ["true"]).point(address)
        words = ["haproxy", "-W", "-f", str(config), "-f", str(self.file.parent)]
        if self.kind is RouterKind.NGINX:
            words = ["nginx", "-p", str(self.folder), "-c", str(config)]
        with (self.folder / "router.log").open("wb") as log:
            self.process = subprocess.Popen(words, stdout=log, stderr=log)
        _wait(lambda: _answers(self.port), "the router to answer")

    def replacement(self, on_stage: Callable[[Stage], None] = lambda _: None) -> Replacement:
        journal = ReplacementJournal(self.folder / "replacement.json")
        return Replacement(self.containers, self.router, journal, timing=TIMING, on_stage=on_stage)

    def replace(self, *, killed_at: Stage | None = None) -> None:
        """Replace in this process, or in one that dies by SIGKILL after a stage."""
        if killed_at is None:
            devices = Devices(paths=(DEVICE,))
            self.replacement().replace(self.name, devices, port=PORT, ready="/index.html")
            return
        words = [self.folder, self.name, self.kind.value, killed_at.name, DEVICE]
        command = [sys.executable, "-c", DIES, *map(str, words), str(self.file)]
        done = subprocess.run(
            [*command, *self.reload_command], capture_output=True, text=True, check=False
        )
        assert done.returncode == -signal.SIGKILL, done.stderr

    def load(self) -> Load:
        """Begin to ask; whoever began ends it."""
        return Load(self.port)

    def names(self) -> list[str]:
        rows = self.containers.rows()
        names = [str(row["Names"][0]).removeprefix("/") for row in rows]
        return [name for name in names if name.startswith(self.name)]

    def is_in_order(self) -> bool:
        """One container, running, under its name, and the router names it."""
        there = self.containers.inspect(self.name)
        if there is None or not there["State"]["Running"] or self.names() != [self.name]:
            return False
        address = f"{self.containers.address(str(there['Id']))}:{PORT}"
        return self.router.current() == address

    def close(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(20)
        for name in self.names():
            self.containers.remove(name)
        self.engine.close()


DIES = """
import os, signal, sys
from pathlib import Path
from components.actuation.engine_api import EngineApi
from components.actuation.replacement import Replacement, Stage, Timing
from components.actuation.replacement_clone import Devices
from components.actuation.replacement_containers import Containers
from components.actuation.replacement_journal import ReplacementJournal
from components.actuation.router import FileRouter, RouterKind

folder, name, kind, stage, device, file, *reload_command = sys.argv[1:]

def die(done):
    if done is Stage[stage]:
        os.kill(os.getpid(), signal.SIGKILL)

Replacement(
    Containers(EngineApi(Path("/var/run/docker.sock"), 60.0)),
    FileRouter(RouterKind(kind), "web", Path(file), reload_command),
    ReplacementJournal(Path(folder) / "replacement.json"),
    timing=Timing(ready_s=20.0, quiet_s=0.6, drain_s=10.0),
    on_stage=die,
).replace(name, Devices(paths=(device,)), port=8000, ready="/index.html")
"""


@pytest.fixture
def free_port() -> int:
    """A port of this host that nobody listens on."""
    return _free_port()


@pytest.fixture
def make_site(tmp_path: Path) -> Iterator[Callable[..., Site]]:
    _make_image()
    sites: list[Site] = []

    def make(kind: RouterKind, *more: str) -> Site:
        if shutil.which(kind.value) is None:
            pytest.skip(f"needs {NEEDS[kind]}")
        name = f"joulepilot-web-{uuid.uuid4().hex[:8]}"
        words = ["docker", "run", "--detach", "--name", name, "--restart", "on-failure:3"]
        words += ["--stop-signal", "SIGKILL", *more]
        words += [IMAGE, "/bin/busybox", "httpd", "-f", "-p", str(PORT), "-h", "/www"]
        subprocess.run(words, check=True, capture_output=True)
        site = Site(tmp_path, name, kind, _free_port())
        sites.append(site)
        site.start_router()
        return site

    yield make
    for site in sites:
        site.close()


def _make_image() -> None:
    there = subprocess.run(["docker", "image", "inspect", IMAGE], capture_output=True, check=False)
    if there.returncode == 0:
        return
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        archive.add("/bin/busybox", "bin/busybox")
        page = tarfile.TarInfo("www/index.html")
        page.size = 3
        archive.addfile(page, io.BytesIO(b"ok\n"))
    subprocess.run(
        ["docker", "import", "-", IMAGE], input=content.getvalue(), check=True, capture_output=True
    )


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/index.html")
        return connection.getresponse().status == http.client.OK
    except OSError:
        return False
    finally:
        connection.close()


def _wait(is_so: Callable[[], bool], what: str) -> None:
    until_s = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < until_s, f"waited for {what}"
        time.sleep(0.05)
