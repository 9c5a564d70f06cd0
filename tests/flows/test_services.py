import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.errors import PortInUseError, ServiceError
from flows.services import Service, Services, answers, free_port


def wait_for(what: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def http_server(port: int) -> Service:
    argv = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]
    return Service("web", argv, answers(f"http://127.0.0.1:{port}/"), port=("127.0.0.1", port))


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_a_service_is_ready_when_it_answers_and_gone_when_the_block_is_left(tmp_path: Path) -> None:
    port = free_port()
    with Services(tmp_path) as services:
        services.start_all([http_server(port)])
        pid = services.pid_of("web")
        assert is_alive(pid)
    assert not is_alive(pid)


def test_a_taken_port_is_an_error_that_names_it(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with Services(tmp_path) as services, pytest.raises(PortInUseError, match=str(port)):
            services.start(http_server(port))


def test_a_service_that_dies_is_an_error_that_shows_what_it_said(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", "raise SystemExit('no such luck')"]
    service = Service("doomed", argv, lambda: False)
    with Services(tmp_path) as services:
        services.start(service)
        with pytest.raises(ServiceError, match="no such luck"):
            services.wait_until_ready(service)


def test_what_a_service_started_is_ended_with_it(tmp_path: Path) -> None:
    child = (
        "import subprocess; p = subprocess.Popen(['sleep', '300'])\n"
        "print(p.pid, flush=True); p.wait()"
    )
    service = Service("parent", [sys.executable, "-c", child], lambda: True)
    with Services(tmp_path) as services:
        services.start(service)
        wait_for(lambda: services.log_of("parent").read_text().strip() != "")
        grandchild = int(services.log_of("parent").read_text())
        assert is_alive(grandchild)
    wait_for(lambda: not is_alive(grandchild))


def test_services_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from flows.services import Service, Services\n"
        f"s = Services(Path({str(tmp_path)!r}))\n"
        "s.start(Service('x', ['sleep', '300'], lambda: True)); print(s.pid_of('x'), flush=True)\n"
        "time.sleep(300)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert is_alive(child)
        os.kill(parent.pid, signal.SIGKILL)
    wait_for(lambda: not is_alive(child))
