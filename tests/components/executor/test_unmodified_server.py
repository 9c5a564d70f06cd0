"""An inference server nobody here wrote: Seldon MLServer, as it comes from the package index."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from components.actuation.process_files import declare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

MLSERVER = os.environ.get("JOULEPILOT_MLSERVER") or shutil.which("mlserver")
PATIENCE_S = 90.0

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        MLSERVER is None,
        reason="needs MLServer (python3 -m venv DIR; DIR/bin/pip install mlserver==1.7.1; "
        "JOULEPILOT_MLSERVER=DIR/bin/mlserver)",
    ),
]

RUNTIME = """
import numpy as np
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceResponse


class Mean(MLModel):
    async def load(self):
        return True

    async def predict(self, payload):
        rows = NumpyCodec.decode_input(payload.inputs[0])
        weights = np.ones((rows.shape[1], 64)) / rows.shape[1]
        answer = NumpyCodec.encode_output("mean", np.tanh(rows @ weights))
        return InferenceResponse(model_name=self.name, outputs=[answer])
"""


@dataclass
class Served:
    """A server under load, declared as a job of a home."""

    home: Path
    process: subprocess.Popen[bytes]
    port: int
    metrics_port: int
    stopped: threading.Event = field(default_factory=threading.Event)

    def ask_forever(self) -> None:
        values = {"name": "x", "shape": [1, 8], "datatype": "FP32", "data": [0.1] * 8}
        body = json.dumps({"inputs": [values]})
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        while not self.stopped.wait(0.03):
            connection.request(
                "POST", "/v2/models/mean/infer", body, {"Content-Type": "application/json"}
            )
            assert connection.getresponse().read()
        connection.close()

    def declare(self, **labels: str) -> None:
        said = {
            "joulepilot.enable": "true",
            "joulepilot.metrics": f"mlserver:{self.metrics_port}/metrics",
            **{f"joulepilot.{key.replace('_', '-')}": value for key, value in labels.items()},
        }
        declare(self.home / "processes", "mean", self.process.pid, labels=said, program="mlserver")

    def node(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "components.executor", *words, "--home", str(self.home)]
        return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("mlserver")
    ports = _free_ports(3)
    (home / "mean_runtime.py").write_text(RUNTIME)
    model = {"name": "mean", "implementation": "mean_runtime.Mean"}
    (home / "model-settings.json").write_text(json.dumps(model))
    names = ("http_port", "grpc_port", "metrics_port")
    settings = {"host": "127.0.0.1", "parallel_workers": 0, **dict(zip(names, ports, strict=True))}
    (home / "settings.json").write_text(json.dumps(settings))
    with (home / "mlserver.log").open("wb") as log:
        process = subprocess.Popen([str(MLSERVER), "start", str(home)], stdout=log, stderr=log)
    served = Served(home, process, ports[0], ports[2])
    load = threading.Thread(target=served.ask_forever)
    try:
        _wait(lambda: _is_ready(ports[0]), "MLServer to be ready")
        load.start()
        yield served
    finally:
        served.stopped.set()
        if load.is_alive():
            load.join()
        process.terminate()
        process.wait()


def test_its_latency_is_read_explained_and_acted_upon(served: Served) -> None:
    served.declare(target_ms="60")
    words = ["--node", "here", "--host", "process", "--window-s", "1", "--min-requests", "20"]
    words += ["--tick-s", "0.3", "--confirm-windows", "1", "--power", "model"]
    run = [sys.executable, "-m", "components.executor", "run", "--home", str(served.home), *words]
    with (served.home / "executor.log").open("wb") as log:
        executor = subprocess.Popen(run, stdout=log, stderr=log)
    try:
        _wait(lambda: "choices by power" in served.node("explain", "mean").stdout, "a choice")
        explained = served.node("explain", "mean").stdout
    finally:
        executor.send_signal(signal.SIGTERM)
        code = executor.wait()
    assert code == 0
    assert "target 60 ms per image (mean)" in explained
    assert "/s offered" in explained
    assert " measured; " in explained


def test_a_quantile_its_buckets_cannot_judge_is_refused_by_doctor(served: Served) -> None:
    words = ("doctor", "--host", "process", "--power", "model", "--json")
    served.declare(target_ms="7", target_statistic="p95")
    refused = served.node(*words)
    served.declare(target_ms="10", target_statistic="p95")
    judged = served.node(*words)
    assert refused.returncode == 1
    assert "buckets 5 to 10 ms cannot judge a 7 ms target" in refused.stdout
    about = [one for one in json.loads(judged.stdout)["findings"] if one["about"] == "mean"]
    assert "requests answered" in "".join(one["found"] for one in about)
    assert "cannot judge" not in judged.stdout


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/v2/models/mean/ready")
        return connection.getresponse().status == http.client.OK
    except OSError:
        return False
    finally:
        connection.close()


def _wait(is_so: Callable[[], bool], what: str) -> None:
    until_s = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < until_s, f"waited {PATIENCE_S} s for {what}"
        time.sleep(0.3)


def _free_ports(n_ports: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(n_ports)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
