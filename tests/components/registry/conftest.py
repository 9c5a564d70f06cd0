"""A real MLflow server, started once, and bundles to put into it."""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from components.policy.feature_spec import FeatureSpec
from components.policy.manifest import Bundle, to_json
from components.registry.server import mlflow_server_command, wait_until_ready

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def mlflow_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def mlflow_url(mlflow_home: Path) -> Iterator[str]:
    home = mlflow_home
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    argv, environment = mlflow_server_command(home, port)
    url = f"http://127.0.0.1:{port}"
    with (
        (home / "mlflow.log").open("wb") as log,
        subprocess.Popen(
            argv, env=os.environ | environment, stdout=log, stderr=log, cwd=home
        ) as server,
    ):
        try:
            wait_until_ready(url, timeout_s=120, is_alive=lambda: server.poll() is None)
            yield url
        finally:
            server.terminate()
            try:
                server.wait(timeout=20)
            except subprocess.TimeoutExpired:
                server.kill()


@pytest.fixture
def make_bundle(tmp_path: Path) -> Callable[..., Path]:
    """A folder whose manifest is whole and whose graphs are only bytes."""

    def make(name: str, **changes: object) -> Path:
        folder = tmp_path / f"bundle-{name}"
        folder.mkdir()
        files = {
            "predict.onnx": b"predict " + name.encode(),
            "probe.onnx": b"probe",
            "golden.npz": b"golden",
        }
        for file, content in files.items():
            (folder / file).write_bytes(content)
        manifest = Bundle(
            name=name,
            features=(FeatureSpec("cpus_log", "1", 0.0, 8.0),),
            row_features=(FeatureSpec("slack", "1", -5.0, 5.0), FeatureSpec("p", "1", 0.0, 1.0)),
            outputs=(FeatureSpec("latency_log", "ln(ms)", -14.0, 21.0),),
            node_classes=("*",),
            probe_rule="learned",
            lake_version=7,
            evaluation_set="e" * 64,
            git_commit="c0ffee",
            metrics={"regret_mean": 0.0123, "n_cases": 150},
            files={file: hashlib.sha256(data).hexdigest() for file, data in files.items()},
        )
        (folder / "bundle.json").write_bytes(to_json(replace(manifest, **changes)))  # type: ignore[arg-type]
        return folder

    return make
