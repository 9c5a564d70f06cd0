from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING

from flows.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_the_servers_are_told_apart_by_who_answers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as hub, socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        words = ["doctor", "--host", "process", "--home", str(tmp_path), "--json"]
        words += ["--hub-port", str(hub.getsockname()[1])]
        words += ["--mlflow-port", str(nobody.getsockname()[1])]
        code = main(words)
    told = json.loads(capsys.readouterr().out)
    by_about = {one["about"]: one for one in told["findings"]}
    assert code == (0 if told["healthy"] else 1)
    assert by_about["hub"]["level"] == "ok"
    assert by_about["MLflow"]["level"] == "advice"
    assert "nobody answers" in by_about["MLflow"]["found"]
    assert by_about["packages"]["level"] == "ok"
