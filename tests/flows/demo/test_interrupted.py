"""Ctrl-C in the middle of the demo leaves no process, no container and no changed cpuset."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from flows.services import free_port


def processes_that_name(text: str) -> list[str]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if int(folder.name) != os.getpid() and any(text.encode() in word for word in words):
            found.append(b" ".join(words).decode())
    return found


def demo_until(heading: str, home: Path, host: str) -> int:
    """Run the demo, press Ctrl-C once a heading is shown, and return its exit code."""
    ports = [f"--{name}-port={free_port()}" for name in ("hub", "mlflow", "prefect")]
    argv = [sys.executable, "-m", "flows.cli.main", "demo", "--host", host, "--home", str(home)]
    with subprocess.Popen([*argv, *ports], stdout=subprocess.PIPE, text=True) as demo:
        watchdog = threading.Timer(150, demo.kill)
        watchdog.start()
        assert demo.stdout is not None
        for line in demo.stdout:
            if heading in line:
                demo.send_signal(signal.SIGINT)
                break
        demo.stdout.read()
        watchdog.cancel()
        return demo.wait()


@pytest.mark.slow
def test_a_demo_interrupted_while_its_servers_start_leaves_no_process(tmp_path: Path) -> None:
    home = tmp_path / "demo"
    assert demo_until("two inference jobs under load", home, "process") == 130
    assert processes_that_name(str(home)) == []


@pytest.mark.slow
@pytest.mark.docker
def test_an_interrupted_demo_with_containers_leaves_nothing(tmp_path: Path) -> None:
    home = tmp_path / "demo"
    assert demo_until("in `recommend` nothing moves", home, "docker") == 130
    assert processes_that_name(str(home)) == []
    listing = subprocess.run(
        ["docker", "ps", "--all", "--quiet", "--filter", "label=joulepilot-demo"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert listing.stdout == ""
