from __future__ import annotations

import http.client
import re
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from components.hub.client import read_nodes
from components.hub.spool import Spool

if TYPE_CHECKING:
    from pathlib import Path

COMMAND = [sys.executable, "-W", "error", "-m", "components.hub"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_it_is_told_to_stop(tmp_path: Path, number: signal.Signals) -> None:
    argv = [*COMMAND, "--home", str(tmp_path), "--port", "0"]
    with subprocess.Popen(argv, stderr=subprocess.PIPE, text=True) as hub:
        assert hub.stderr is not None
        line = hub.stderr.readline()
        url = re.search(r"http://\S+", line)
        assert url is not None, line
        assert read_nodes(url[0]) == ()
        hub.send_signal(number)
        rest = hub.stderr.read()
        assert hub.wait(10) == 0
    assert rest == ""


def test_a_port_in_use_is_exit_code_1_and_one_clear_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        argv = [*COMMAND, "--home", str(tmp_path), "--port", port]
        run = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=30)
    assert run.returncode == 1
    assert run.stderr.startswith(f"joulepilot hub: asked to listen on 127.0.0.1:{port}; ")
    assert run.stderr.count("\n") == 1


def test_what_was_acknowledged_survives_a_kill_at_once(tmp_path: Path, sample_body: bytes) -> None:
    argv = [*COMMAND, "--home", str(tmp_path), "--port", "0"]
    with subprocess.Popen(argv, stderr=subprocess.PIPE, text=True) as hub:
        assert hub.stderr is not None
        address = re.search(r"http://127.0.0.1:(\d+)", hub.stderr.readline())
        assert address is not None
        connection = http.client.HTTPConnection("127.0.0.1", int(address[1]), timeout=10)
        n_taken = 0
        for _ in range(20):
            headers = {"Content-Type": "application/x-protobuf"}
            connection.request("POST", "/v1/logs", sample_body, headers)
            response = connection.getresponse()
            response.read()
            n_taken += response.status == 200
        hub.kill()
        connection.close()
    spool = Spool(tmp_path / "spool")
    assert n_taken == 20
    assert [spool.read(ref) for ref in spool.pending()] == [sample_body] * 20
