"""`joulepilot up` says where everything is, and Ctrl-C ends all of it."""

import signal
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import pytest

from flows.services import free_port


@pytest.mark.slow
def test_up_prints_addresses_that_answer_and_ends_with_ctrl_c(tmp_path: Path) -> None:
    home = tmp_path / "home"
    ports = [f"--{name}-port={free_port()}" for name in ("hub", "mlflow", "prefect")]
    argv = [sys.executable, "-m", "flows.cli.main", "up", "--home", str(home), *ports]
    said = []
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as up:
        watchdog = threading.Timer(150, up.kill)
        watchdog.start()
        assert up.stdout is not None
        for line in up.stdout:
            said.append(line)
            if line.startswith("Ctrl-C"):
                break
        addresses = [line.split()[-1] for line in said if "http://" in line]
        assert len(addresses) == 3
        for address in addresses:
            with urllib.request.urlopen(address, timeout=20) as response:
                assert response.status == 200
        up.send_signal(signal.SIGINT)
        assert up.wait(60) == 0
        watchdog.cancel()
    listing = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    assert str(home) not in listing.stdout
    assert (home / "releases" / "000001.json").exists()
