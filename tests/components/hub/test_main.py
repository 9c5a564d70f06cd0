from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from components.hub.client import read_nodes

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
