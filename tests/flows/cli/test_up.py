"""`joulepilot up` says where everything is, and Ctrl-C ends all of it."""

import signal
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import pytest

from flows.services import free_port


def as_a_browser_asks(address: str) -> int:
    request = urllib.request.Request(address, headers={"accept": "text/html"})
    with urllib.request.urlopen(request, timeout=20) as response:
        return int(response.status)


@pytest.mark.slow
def test_up_prints_addresses_that_answer_and_ends_with_ctrl_c(tmp_path: Path) -> None:
    home = tmp_path / "home"
    ports = [f"--{name}-port={free_port()}" for name in ("hub", "mlflow", "prefect")]
    argv = [sys.executable, "-m", "flows.cli.main", "up", "--home", str(home), *ports]
    said = []
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as up:
        watchdog = threading.Timer(150, up.kill)
        watchdog.start()
        try:
            assert up.stdout is not None
            for line in up.stdout:
                said.append(line)
                if line.startswith("Ctrl-C"):
                    break
            addresses = [line.split()[-1] for line in said if "http://" in line]
            answers = [as_a_browser_asks(address) for address in addresses]
        finally:
            up.send_signal(signal.SIGINT)
            code = up.wait(60)
            watchdog.cancel()
    assert answers == [200, 200, 200]
    assert code == 0
    listing = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    assert str(home) not in listing.stdout
    assert (home / "releases" / "000001.json").exists()
