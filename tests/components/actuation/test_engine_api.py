from __future__ import annotations

import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from components.actuation.engine_api import EngineApi
from components.actuation.errors import HostAwayError, RefusedError

if TYPE_CHECKING:
    from pathlib import Path


def _api(engine: Any, timeout_s: float = 5.0) -> closing[EngineApi]:
    return closing(EngineApi(engine.root / "docker.sock", timeout_s))


def test_a_socket_that_is_not_there_says_how_to_start_docker(tmp_path: Path) -> None:
    api = EngineApi(tmp_path / "none.sock", 1.0)
    with pytest.raises(HostAwayError, match="systemctl start docker") as raised:
        api.get("/containers/json")
    assert str(tmp_path / "none.sock") in raised.value.asked


def test_a_socket_that_nobody_listens_on_is_away(engine: Any, server: Any) -> None:
    server.server_close()
    with _api(engine) as api, pytest.raises(HostAwayError, match="does not answer"):
        api.get("/containers/json")


def test_a_file_that_is_no_socket_is_away(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HostAwayError, match="does not answer"):
        EngineApi(tmp_path / "file", 1.0).get("/containers/json")


def test_an_engine_that_hangs_is_given_up_on(engine: Any, server: Any) -> None:
    with _api(engine, timeout_s=0.5) as api:
        api.get("/containers/json")
        server.hangs.set()
        with pytest.raises(HostAwayError, match=r"timed out.*overloaded or hangs"):
            api.get("/containers/json")
        server.hangs.clear()
        assert api.get("/containers/json")


def test_an_engine_that_dies_and_returns_is_found_again(engine: Any, server: Any) -> None:
    with _api(engine) as api:
        api.get("/containers/json")
        path = engine.root / "docker.sock"
        path.rename(path.with_suffix(".away"))
        server.break_connections()
        with pytest.raises(HostAwayError, match="systemctl start docker"):
            api.get("/containers/json")
        path.with_suffix(".away").rename(path)
        assert api.get("/containers/json")


@pytest.mark.parametrize("version", ["1.40", "1.24"])
def test_an_engine_that_is_too_old_is_refused(engine: Any, server: Any, version: str) -> None:
    engine.api_version = version
    with _api(engine) as api, pytest.raises(RefusedError, match=f"speaks {version}; upgrade"):
        api.get("/containers/json")


@pytest.mark.parametrize("version", ["", "new", "1"])
def test_what_is_no_engine_is_told(engine: Any, server: Any, version: str) -> None:
    engine.api_version = version
    with _api(engine) as api, pytest.raises(HostAwayError, match="see whether a Docker engine"):
        api.get("/containers/json")


def test_words_that_are_no_json_come_with_the_error(engine: Any, server: Any) -> None:
    engine.scripted = [(400, b"<html>Bad gateway</html>")]
    with _api(engine) as api, pytest.raises(RefusedError, match="400: <html>Bad gateway"):
        api.get("/containers/json")


def test_an_empty_answer_is_nothing(engine: Any, server: Any) -> None:
    engine.scripted = [(204, b"")]
    with _api(engine) as api:
        assert api.get("/containers/json") is None


def test_threads_take_turns(engine: Any, server: Any) -> None:
    answers: list[object] = []
    with _api(engine) as api:
        threads = [
            threading.Thread(target=lambda: answers.append(api.get("/containers/json")))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(answers) == 8
    assert server.n_accepted == 1
