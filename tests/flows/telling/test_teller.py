"""Each trouble is told once, to a receiver on loopback."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from components.settings.settings import Settings
from flows.errors import AddressError
from flows.services import free_port
from flows.telling.findings import Finding
from flows.telling.teller import Teller, addresses, apprise_send
from flows.telling.watch import Watcher

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
ONE = Finding("one", "n1 is silent", "n1 was last heard of at noon.", "joulepilot status")
TWO = Finding("two", "n2 is silent", "n2 was last heard of at noon.", "joulepilot status")


class Receiver(BaseHTTPRequestHandler):
    bodies: list[dict[str, str]]

    def do_POST(self) -> None:
        self.bodies.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def received() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """A webhook's address, and what came there."""
    bodies: list[dict[str, str]] = []
    server = HTTPServer(("127.0.0.1", 0), type("Mine", (Receiver,), {"bodies": bodies}))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"json://127.0.0.1:{server.server_port}/hook", bodies
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_trouble_is_told_once_and_over_a_restart(
    tmp_path: Path, received: tuple[str, list[dict[str, str]]]
) -> None:
    address, bodies = received
    teller = Teller(tmp_path, apprise_send([address]))
    assert teller.tell([ONE], NOW) == (ONE,)
    assert teller.tell([ONE], NOW) == ()
    assert Teller(tmp_path, apprise_send([address])).tell([ONE, TWO], NOW) == (TWO,)
    assert [body["title"] for body in bodies] == [
        "joulepilot: n1 is silent",
        "joulepilot: n2 is silent",
    ]
    assert bodies[0]["message"].endswith("Next: joulepilot status")


def test_what_was_over_and_comes_again_is_told_again(tmp_path: Path) -> None:
    teller = Teller(tmp_path, lambda _title, _text: True)
    assert teller.tell([ONE], NOW) == (ONE,)
    assert teller.tell([], NOW) == ()
    assert teller.tell([ONE], NOW) == (ONE,)


def test_what_does_not_last_is_told_to_nobody(tmp_path: Path) -> None:
    teller = Teller(tmp_path, lambda _title, _text: True)
    slow, later = replace(ONE, patience_s=30.0), NOW + timedelta(seconds=29)
    assert teller.tell([slow], NOW) == ()
    assert teller.tell([slow], later) == ()
    assert teller.tell([], later) == ()
    for seconds in (0, 29):
        assert teller.tell([slow], later + timedelta(seconds=seconds)) == ()
    assert teller.tell([slow], later + timedelta(seconds=30)) == (slow,)
    again = Teller(tmp_path, lambda _title, _text: True)
    assert again.tell([slow], later + timedelta(seconds=40)) == ()


def test_what_could_not_be_sent_is_tried_again(tmp_path: Path) -> None:
    answers = iter([False, True])
    teller = Teller(tmp_path, lambda _title, _text: next(answers))
    assert teller.tell([ONE], NOW) == ()
    assert teller.tell([ONE], NOW) == (ONE,)


def test_a_damaged_memory_tells_again_rather_than_not(tmp_path: Path) -> None:
    (tmp_path / "told.json").write_text("{")
    assert Teller(tmp_path, lambda _title, _text: True).tell([ONE], NOW) == (ONE,)


def test_addresses_are_read_one_a_line(tmp_path: Path) -> None:
    file = tmp_path / "told"
    file.write_text("# on call\n\njson://127.0.0.1/a\n  json://127.0.0.1/b \n")
    assert addresses(file) == ("json://127.0.0.1/a", "json://127.0.0.1/b")
    assert addresses(None) == ()
    with pytest.raises(AddressError, match="cannot be read"):
        addresses(tmp_path / "absent")


def test_an_unknown_address_is_refused_without_showing_it() -> None:
    with pytest.raises(AddressError, match="address 2 of 2") as refused:
        apprise_send(["json://127.0.0.1/a", "nonsense://token-123"])
    assert "token-123" not in str(refused.value)


def test_a_hub_that_is_away_is_itself_told(tmp_path: Path) -> None:
    [found] = Watcher(Settings(home=tmp_path, hub_port=free_port())).look(datetime.now(UTC))
    assert found.key == "hub"
