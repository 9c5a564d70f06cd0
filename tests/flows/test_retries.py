"""Tried again is what may succeed, by the word of who raised the error; trainings never overlap."""

import asyncio
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, cast

import pytest
from prefect.states import Failed

from components.errors import JoulepilotError
from components.lake.errors import LakeBusyError, LakeError
from flows.errors import BusyError
from flows.habits import can_help
from flows.learning import one_training

HOLD = (
    "import sys; from pathlib import Path; from flows.learning import one_training\n"
    "with one_training(Path(sys.argv[1])):\n"
    "    print('held', flush=True); sys.stdin.read()"
)


@pytest.mark.parametrize(("kind", "helps"), [(LakeBusyError, True), (LakeError, False)])
def test_only_temporary_errors_are_tried_again(kind: type[JoulepilotError], helps: bool) -> None:
    state = Failed(data=kind("asked", "found", "remedy"))
    unused = cast("Any", None)
    assert asyncio.run(can_help(unused, unused, state)) is helps


def test_a_second_training_in_a_home_is_refused_until_the_first_process_is_gone(
    tmp_path: Path,
) -> None:
    argv = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == b"held\n"
        with pytest.raises(BusyError, match="another process"), one_training(tmp_path):
            pass
        first.kill()
        first.wait()
    with one_training(tmp_path):
        assert (tmp_path / "training.lock").exists()


def test_a_training_of_another_flow_waits_for_its_turn(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == b"held\n"
        assert first.stdin is not None
        ends = threading.Timer(0.7, first.stdin.close)
        ends.start()
        with one_training(tmp_path, wait_s=60):
            assert first.wait(10) == 0
        ends.join()
