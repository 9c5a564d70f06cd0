"""The compose file: that it is one, and what its commands do with a real PostgreSQL and logins."""

import json
import os
import shutil
import subprocess
import sys
import urllib.error
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.registry.errors import RegistryRefusedError
from components.registry.mlflow_registry import Registry
from flows.services import Service, Services, answers, free_port

ROOT = Path(__file__).parents[3]
FILE = ROOT / "deployments/compose/compose.yaml"
SECRETS = "/run/secrets/"
PORTS = {"hub": 8321, "mlflow": 5000, "prefect": 4200}


def compose() -> dict[str, Any]:
    return dict(yaml.safe_load(FILE.read_text()))


def make_secrets(folder: Path) -> None:
    subprocess.run([FILE.with_name("make_secrets.sh"), folder], check=True, capture_output=True)


def test_every_service_names_its_image_its_command_and_secrets_that_are_there() -> None:
    content = compose()
    for name, service in content["services"].items():
        base = service["build"]["args"]["BASE_IMAGE"]
        assert ":-" in base, name
        assert set(service["secrets"]) <= set(content["secrets"]), name
        assert set(service.get("depends_on", {})) <= set(content["services"]), name
        for key, value in service["environment"].items():
            secret = any(word in key for word in ("PASSWORD", "LOGIN", "DATABASE"))
            assert not secret or value.startswith(SECRETS), key
        for port in service.get("ports", ()):
            assert port.startswith("${JOULEPILOT_ADDRESS:-127.0.0.1}:"), name
    assert set(content["services"]) == {
        "postgres", "prefect", "mlflow", "hub", "deploy", "worker", "watch",
    }  # fmt: skip


def test_secrets_are_random_private_and_made_once(tmp_path: Path) -> None:
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        make_secrets(folder)
        assert folder.stat().st_mode & 0o077 == 0
    one, other = ({f.name: f.read_text() for f in folder.iterdir()} for folder in folders)
    assert set(one) == set(compose()["secrets"])
    assert all(one[name] != other[name] for name in one)
    assert one["postgres_password"].strip() in one["database"]
    make_secrets(folders[0])
    assert one == {f.name: f.read_text() for f in folders[0].iterdir()}


@pytest.mark.skipif(
    shutil.which("docker-compose") is None,
    reason="needs docker-compose (apt-get install docker-compose)",
)
def test_compose_itself_takes_the_file(tmp_path: Path) -> None:
    make_secrets(tmp_path)
    said = subprocess.run(
        ["docker-compose", "-f", FILE, "config"],
        env=os.environ | {"JOULEPILOT_SECRETS": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stderr
    assert len(yaml.safe_load(said.stdout)["services"]) == len(compose()["services"])


class Team:
    """The services of the compose file as processes of this machine."""

    def __init__(self, folder: Path, database: str) -> None:
        self.folder = folder
        self.ports = {name: free_port() for name in PORTS}
        self.secrets = folder / "secrets"
        make_secrets(self.secrets)
        (self.secrets / "database").chmod(0o600)
        (self.secrets / "database").write_text(database + "\n")
        self.services = Services(folder / "logs")

    def environment(self, name: str) -> dict[str, str]:
        """As in the container, but for where things are."""
        found = {}
        for key, value in compose()["services"][name]["environment"].items():
            text = str(value).replace(SECRETS, f"{self.secrets}/")
            found[key] = text if "${" not in text else text.split(":-")[1].rstrip("}")
        hosts = {f"JOULEPILOT_{each.upper()}_HOST": "127.0.0.1" for each in PORTS}
        ports = {f"JOULEPILOT_{each.upper()}_PORT": str(n) for each, n in self.ports.items()}
        found |= hosts | ports | {"JOULEPILOT_HOME": str(self.folder / "home")}
        found.pop("MLFLOW_SERVER_ALLOWED_HOSTS", None)
        return found

    def command(self, name: str) -> list[str]:
        words = [str(word) for word in compose()["services"][name]["command"]]
        return [sys.executable, "-m", "flows.cli.main", *words]

    def start(self, name: str, health: str | None = None) -> None:
        is_ready = (lambda: True) if health is None else answers(health)
        self.services.start_all(
            [Service(name, self.command(name), is_ready, self.environment(name), None, 150.0)]
        )

    def joulepilot(self, *words: str, **changed: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "flows.cli.main", *words],
            env=os.environ | self.environment("worker") | changed,
            capture_output=True,
            text=True,
            check=False,
        )

    def login(self, of: str) -> str:
        return (self.secrets / f"{of}_login").read_text().strip()

    def url(self, of: str) -> str:
        return f"http://127.0.0.1:{self.ports[of]}"


@pytest.fixture
def team(cluster: Any, tmp_path: Path) -> Iterator[Team]:
    made = Team(tmp_path, cluster.address)
    with made.services:
        made.start("prefect", f"{made.url('prefect')}/api/health")
        made.start("hub", f"{made.url('hub')}/healthz")
        yield made


def refused(ask: Callable[..., Any], url: str, login: str | None) -> int:
    with pytest.raises(urllib.error.HTTPError) as error:
        ask(url, login=login)
    return error.value.code


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.timeout(600)
def test_the_services_ask_for_a_login_and_work_with_it(
    team: Team, ask: Callable[..., Any], run_check: Callable[..., str], tmp_path: Path
) -> None:
    api = f"{team.url('prefect')}/api"
    for wrong in (None, "joulepilot:wrong"):
        assert refused(ask, f"{api}/deployments/name/check/regularly", wrong) == 401
    (tmp_path / "wrong").write_text("joulepilot:wrong\n")
    told = team.joulepilot("deploy", JOULEPILOT_PREFECT_LOGIN_FILE=str(tmp_path / "wrong"))
    assert told.returncode == 1
    assert "401" in told.stderr
    assert "--prefect-login-file" in told.stderr

    deployed = team.joulepilot(*compose()["services"]["deploy"]["command"], "--json")
    assert deployed.returncode == 0, deployed.stderr
    assert "pipeline/nightly" in json.loads(deployed.stdout)["deployments"]
    team.start("worker")
    assert run_check(api, team.login("prefect")) == "Checked"

    assert refused(ask, f"{team.url('hub')}/nodes", "joulepilot:wrong") == 401
    seen = team.joulepilot("status", "--json")
    assert json.loads(seen.stdout)["nodes"] == 0, seen.stderr
    stranger = team.joulepilot("status", JOULEPILOT_HUB_LOGIN_FILE=str(tmp_path / "wrong"))
    assert stranger.returncode == 1
    assert "hub_login_file" in stranger.stderr
    logs = "".join(path.read_text(errors="replace") for path in (tmp_path / "logs").iterdir())
    for secret in team.secrets.iterdir():
        assert secret.read_text().strip().split(":")[-1] not in logs


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.timeout(600)
@pytest.mark.skipif(
    find_spec("flask_wtf") is None, reason="needs Flask-WTF (pip install 'mlflow[auth]')"
)
def test_mlflow_asks_for_a_login_and_takes_versions_with_it(
    cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    team = Team(tmp_path, cluster.address)
    with team.services:
        team.start("mlflow", f"{team.url('mlflow')}/health")
        user, password = team.login("mlflow").split(":")
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", user)
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "wrong")
        with pytest.raises(RegistryRefusedError, match="mlflow_login_file"):
            Registry(team.url("mlflow")).versions()
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", password)
        assert Registry(team.url("mlflow")).versions() == ()
        listed = team.joulepilot("policies", "--json")
        assert listed.returncode == 0, listed.stderr
        wrong = team.joulepilot("policies", JOULEPILOT_MLFLOW_LOGIN_FILE="/nowhere")
        assert wrong.returncode == 1
        assert "USER:PASSWORD" in wrong.stderr
