"""`joulepilot-node doctor` as people type it, on real containers of a real engine."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from components.doctor.doctor import Patient, examine, is_healthy, tell
from components.doctor.finding import Finding, Level, advice, ok, problem

if TYPE_CHECKING:
    from collections.abc import Iterator

IMAGE = "joulepilot-test-doctor:latest"
BUSYBOX = Path("/bin/busybox")


def node(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "components.executor", *words],
        capture_output=True,
        text=True,
        check=False,
    )


def test_problems_come_last_and_advice_is_no_failure() -> None:
    findings = (problem("a", "broken", "mend"), ok("b", "fine"), advice("c", "odd", "look"))
    lines = tell(findings).splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["ok", "advice", "PROBLEM"]
    assert lines[2] == "PROBLEM a: broken -> mend"
    assert not is_healthy(findings)
    assert is_healthy(findings[1:])


def test_an_engine_that_is_away_is_one_problem_among_the_findings(machine, tmp_path: Path) -> None:
    patient = Patient(home=tmp_path, docker_socket=tmp_path / "none.sock", roots=machine.roots)
    wrong = [one for one in examine(patient) if one.level is Level.PROBLEM]
    assert [one.about for one in wrong] == ["Docker"]
    assert "systemctl start docker" in wrong[0].remedy


def test_damaged_files_that_were_set_aside_are_told(machine, tmp_path: Path) -> None:
    machine.write("node/state.json.damaged", "{")
    patient = Patient(home=tmp_path, host="process", roots=machine.roots)
    wrong = [one for one in examine(patient) if one.level is Level.PROBLEM]
    assert [one.about for one in wrong] == ["home"]


def test_the_command_says_it_as_text_and_as_json_with_the_same_exit_code(tmp_path: Path) -> None:
    words = ("doctor", "--host", "process", "--home", str(tmp_path), "--power", "model")
    text, plain = node(*words), node(*words, "--json")
    told = json.loads(plain.stdout)
    assert text.returncode == plain.returncode == (0 if told["healthy"] else 1)
    assert {one["about"] for one in told["findings"]} >= {"cgroups", "clock", "power", "jobs"}
    assert "looked at" in text.stdout.splitlines()[-1]


@pytest.fixture
def throttled() -> Iterator[str]:
    """A labelled container with everything wrong that can be wrong without a GPU."""
    _make_image()
    name = f"joulepilot-doctor-{uuid.uuid4().hex[:8]}"
    labels = ("enable=true", "target-ms=7", "metrics=mlserver:8082/metrics")
    words = ["docker", "run", "--detach", "--name", name, "--cpus", "0.5"]
    words += [word for label in labels for word in ("--label", f"joulepilot.{label}")]
    words += ["--env", "OMP_NUM_THREADS=512", IMAGE, "/bin/busybox", "sleep", "600"]
    subprocess.run(words, check=True, capture_output=True)
    try:
        yield name
    finally:
        subprocess.run(["docker", "rm", "--force", name], check=True, capture_output=True)


@pytest.mark.docker
def test_a_real_container_is_looked_at_from_labels_to_threads(
    throttled: str, tmp_path: Path
) -> None:
    findings = _about(throttled, examine(Patient(home=tmp_path, power=("model",))))
    problems = "\n".join(one.found for one in findings if one.level is Level.PROBLEM)
    assert "throttled to 0.5 CPUs" in problems
    assert "OMP_NUM_THREADS=512" in problems
    assert "latency cannot be read now" in problems


def _about(name: str, findings: tuple[Finding, ...]) -> list[Finding]:
    return [one for one in findings if one.about == name]


def _make_image() -> None:
    there = subprocess.run(["docker", "image", "inspect", IMAGE], capture_output=True, check=False)
    if there.returncode == 0:
        return
    importing = subprocess.Popen(
        ["docker", "import", "-", IMAGE], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    assert importing.stdin is not None
    with tarfile.open(fileobj=importing.stdin, mode="w|") as archive:
        archive.add(BUSYBOX, "bin/busybox")
    importing.stdin.close()
    assert importing.wait() == 0


def test_a_replacement_that_nobody_ended_is_a_problem(machine, tmp_path: Path) -> None:
    machine.write("node/replacement.json", "{")
    patient = Patient(home=tmp_path, host="process", roots=machine.roots)
    wrong = [one for one in examine(patient) if one.level is Level.PROBLEM]
    assert [one.about for one in wrong] == ["replacement"]
