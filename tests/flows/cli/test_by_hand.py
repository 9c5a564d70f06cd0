"""The slow path by hand, verb by verb, on the made-up node: from a sweep to a release and back."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from components.lake.lake import Lake
from components.policy.bundle import check_bundle
from components.policy.default_bundle import default_bundle
from components.releases.operations import seed
from components.releases.source import BUNDLES
from components.releases.store import BundleStore
from components.settings.settings import Settings
from flows.services import Service, Services, free_port
from flows.stack import servers


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    """A hub, MLflow and a made-up node that follows the release log."""
    settings = Settings(
        home=tmp_path / "home",
        hub_port=free_port(),
        mlflow_port=free_port(),
        prefect_port=free_port(),
    )
    seed(settings.home, default_bundle())
    argv = [sys.executable, "-m", "components.executor", "run", "--host", "madeup:reference"]
    argv += ["--home", str(tmp_path / "node"), "--node", "reference", "--mode", "recommend"]
    argv += ["--hub", settings.hub_url, "--releases", settings.hub_url, "--pace", "200"]
    with Services(tmp_path / "logs") as services:
        services.start_all([s for s in servers(settings) if s.name in {"hub", "mlflow"}])
        services.start(Service("node", argv, lambda: True))
        yield settings


def joulepilot(settings: Settings, *words: str, rc: int = 0) -> Any:
    ports = [
        f"--{name}-port={getattr(settings, f'{name}_port')}"
        for name in ("hub", "mlflow", "prefect")
    ]
    flags = ["--home", str(settings.home), "--json", *ports]
    result = subprocess.run(
        [sys.executable, "-m", "flows.cli.main", *words, *flags],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == rc, result.stderr
    return json.loads(result.stdout) if rc == 0 else None


@pytest.mark.slow
def test_a_sweep_becomes_a_release_that_names_its_data_and_is_taken_back(
    settings: Settings,
) -> None:
    swept = joulepilot(
        settings, "sweep", "reference", "--points", "24", "--timeout-s", "60", "--why", "to learn"
    )
    assert swept["points"] == {"reference": 24}
    assert joulepilot(settings, "ingest")["n_rows"] >= 48
    checked = joulepilot(settings, "check")
    assert checked["verdict"] is True
    trained = joulepilot(settings, "retrain")
    assert trained["verdict"]["passed"] is True
    promoted = joulepilot(
        settings, "promote", str(trained["version"]), "--yes", "--why", "it is better"
    )
    assert promoted["kind"] == "promote"

    bundle = check_bundle(BundleStore(settings.home / BUNDLES).path(trained["digest"]))
    assert bundle.lake_version == checked["samples_version"] == trained["lake_version"]
    assert bundle.lake_version == Lake(settings.home / "lake").version("samples")

    champions = [v for v in joulepilot(settings, "policies") if "champion" in v["aliases"]]
    assert [v["digest"] for v in champions] == [trained["digest"]]
    compared = joulepilot(settings, "compare", "1", "2")
    assert {"regret_mean", "violated_share"} <= set(compared["figures"])

    joulepilot(settings, "rollback", "--yes", "--why", "to see it go back")
    was = joulepilot(settings, "history", "--node", "reference", "--at", "2024-01-01T03:12", rc=1)
    assert was is None
    now = joulepilot(settings, "history", "--node", "reference")
    assert (now["kind"], now["why"]) == ("rollback", "to see it go back")
    assert now["ran"]["arm"] in {"sweep", "policy", "original"}
    kinds = [entry["kind"] for entry in joulepilot(settings, "history")]
    assert kinds == ["promote", "sweep", "promote", "rollback"]
    champions = [v for v in joulepilot(settings, "policies") if "champion" in v["aliases"]]
    assert [v["version"] for v in champions] == [1]
