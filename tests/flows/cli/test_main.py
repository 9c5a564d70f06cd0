"""The command as people type it: what is printed and the exit code."""

import json
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from flows.cli.main import main
from flows.cli.verb import Verb
from flows.cli.verbs import VERBS
from flows.services import free_port


def joulepilot(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    ports = [f"--{name}-port={free_port()}" for name in ("hub", "mlflow", "prefect")]
    return subprocess.run(
        [sys.executable, "-m", "flows.cli.main", *words, "--home", str(home), *ports],
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_history_of_an_empty_home_is_empty_and_that_is_no_error(tmp_path: Path) -> None:
    result = joulepilot(tmp_path, "history", "--json")
    assert (result.returncode, json.loads(result.stdout)) == (0, [])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("status",), "does not answer"),
        (("policies",), "MLflow"),
        (("rollback", "--why", "x"), "there is no release yet"),
        (("promote", "1", "--why", "x"), "MLflow"),
        (("retrain",), "release log"),
        (("allocator", "paper", "--targets-ms", "0"), "above 0"),
    ],
)
def test_what_cannot_be_done_is_said_with_what_to_do(
    tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    result = joulepilot(tmp_path, *words)
    assert result.returncode == 1
    assert said in result.stderr
    assert "what to do:" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_reader_that_went_away_is_no_traceback(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "flows.cli.main", "config", "--home", str(tmp_path)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as asked:
        assert asked.stdout is not None
        assert asked.stderr is not None
        asked.stdout.close()
        assert asked.stderr.read() == ""
        assert asked.wait() == 141


def test_up_names_the_port_that_is_taken_and_leaves_nothing_running(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ports = {"hub": free_port(), "mlflow": port, "prefect": free_port()}
        flags = [f"--{name}-port={number}" for name, number in ports.items()]
        result = subprocess.run(
            [sys.executable, "-m", "flows.cli.main", "up", "--home", str(tmp_path), *flags],
            capture_output=True,
            text=True,
            check=False,
        )
    assert result.returncode == 1
    assert f"127.0.0.1:{port}" in result.stderr
    listing = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    assert str(tmp_path) not in listing.stdout


def test_every_verb_can_be_asked_for_help(capsys: pytest.CaptureFixture[str]) -> None:
    def ask(verbs: Sequence[Verb], words: list[str]) -> None:
        for verb in verbs:
            with pytest.raises(SystemExit) as end:
                main([*words, verb.name, "--help"])
            assert end.value.code == 0
            assert "usage: joulepilot" in capsys.readouterr().out
            ask(verb.verbs, [*words, verb.name])

    with pytest.raises(SystemExit):
        main(["--help"])
    assert "95 % interval" in " ".join(capsys.readouterr().out.split())
    ask(VERBS, [])


def test_flows_are_not_served_without_prefect(tmp_path: Path) -> None:
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
        "PREFECT_API_URL": f"http://127.0.0.1:{free_port()}/api",
    }
    result = subprocess.run(
        [sys.executable, "-m", "flows.serve"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert "it does not answer" in result.stderr


def test_the_demo_leaves_a_folder_alone_that_no_demo_made(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("data")
    result = joulepilot(tmp_path, "demo")
    assert result.returncode == 1
    assert "no demo made" in result.stderr
    assert (tmp_path / "precious").read_text() == "data"
