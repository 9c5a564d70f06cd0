"""A hub that asks for a login: who is let in, what is kept of those who are not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from components.hub.__main__ import main
from components.hub.client import nodes_of, read_nodes
from components.hub.errors import HubError
from components.hub.server import HubServer
from components.releases.errors import SourceError
from components.releases.http_source import HttpSource
from components.settings.login import Login
from components.settings.settings import Settings
from components.telemetry.hub_link import HubLink, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RIGHT = Login("node", "a-pass:word")
WRONG = Login("node", "a-pass")


@pytest.fixture
def hub(home: Path) -> Iterator[HubServer]:
    with HubServer(home, "127.0.0.1", 0, login=RIGHT) as server:
        yield server


@pytest.mark.parametrize("path", ["/", "/nodes", "/releases/000001.json", "/elsewhere"])
@pytest.mark.parametrize("said", [{}, {"Authorization": WRONG.authorization}])
def test_a_stranger_is_asked_for_the_login_and_told_nothing(
    client: Any, path: str, said: dict[str, str]
) -> None:
    answer = client.ask("GET", path, **said)
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic realm=")
    assert b"hub_login_file" in answer.body


def test_everyone_may_ask_whether_it_lives(client: Any) -> None:
    assert client.ask("GET", "/healthz").status == 200


def test_who_knows_the_login_sees_nodes_and_page(client: Any, hub: HubServer) -> None:
    page = client.ask("GET", "/", Authorization=RIGHT.authorization)
    assert page.status == 200
    assert read_nodes(hub.url, login=RIGHT) == ()


def test_people_are_told_which_file_to_name(hub: HubServer, tmp_path: Path) -> None:
    file = tmp_path / "login"
    file.write_text(f"{WRONG.text}\n")
    settings = Settings(home=tmp_path, hub_port=hub.port, hub_login_file=file)
    with pytest.raises(HubError, match="hub_login_file"):
        nodes_of(settings)
    file.write_text(f"{RIGHT.text}\n")
    assert nodes_of(settings) == ()


def test_what_a_stranger_sends_is_not_taken_and_stays_with_the_sender(
    hub: HubServer, home: Path, heartbeat_body: bytes
) -> None:
    stranger = HubLink(hub.url, 5.0)
    answer = stranger.send(heartbeat_body)
    stranger.close()
    assert answer.outcome is Outcome.AWAY  # so it is kept, and sent once the login is mended
    assert "--hub-login-file" in answer.reason
    assert read_nodes(hub.url, login=RIGHT) == ()
    assert not [path for path in (home / "spool").rglob("*") if path.is_file()]


def test_a_node_follows_the_log_only_with_the_login(hub: HubServer, tmp_path: Path) -> None:
    assert HttpSource(hub.url, tmp_path / "cache", login=RIGHT).release(1) is None
    with pytest.raises(SourceError, match="--hub-login-file"):
        HttpSource(hub.url, tmp_path / "cache").release(1)


def test_a_login_that_is_none_keeps_the_hub_from_starting(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "login"
    file.write_text("only-a-name\n")
    assert main(["--home", str(tmp_path / "home"), "--port", "0", "--login-file", str(file)]) == 1
    assert "USER:PASSWORD" in capsys.readouterr().err
