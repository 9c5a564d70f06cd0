"""Signals: read as declared, expected as the day before, never trusted when stale."""

from __future__ import annotations

import http.server
import threading
from typing import TYPE_CHECKING

import pytest

from components.planning.errors import SignalError
from components.planning.signal_source import HttpSignal
from components.planning.signals import (
    DAY_S,
    STALE_S,
    Mapping,
    Quantity,
    Signal,
    parse_signal,
    read_signal,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CSV = "time,value\n0,100\n3600,200\n7200,300\n"


def test_a_value_holds_until_the_next_one_and_is_ignored_once_stale(tmp_path: Path) -> None:
    (tmp_path / "carbon.csv").write_text(CSV)
    signal = read_signal(tmp_path / "carbon.csv", Quantity.CARBON)
    assert [signal.at(t) for t in (-1, 0, 3599, 3600, 7300)] == [None, 100, 100, 200, 300]
    assert signal.at(7200 + STALE_S) == 300
    assert signal.at(7201 + STALE_S) is None


def test_what_is_to_come_is_expected_to_be_as_the_day_before() -> None:
    times = tuple(3600.0 * h for h in range(25))
    signal = Signal(Quantity.CARBON, times, tuple(float(h % 24) for h in range(25)))
    now_s = DAY_S
    assert signal.forecast(now_s + 5 * 3600, now_s) == 5.0
    known = signal.known_until(10 * 3600.0)
    assert known.forecast(12 * 3600.0, 10 * 3600.0) == 10.0  # no day before: what is now
    assert signal.forecast(12 * 3600.0, 10 * 3600.0) == 12.0  # it was published ahead


def test_a_foreign_document_is_read_by_its_declared_mapping() -> None:
    text = '{"data": {"list": [{"from": "2027-01-01T00:00:00+00:00", "eur_mwh": 80}]}}'
    mapping = Mapping(time="from", value="eur_mwh", rows="data.list", factor=0.001)
    signal = parse_signal(text, "here", Quantity.PRICE, mapping, is_json=True)
    assert signal.values == (0.08,)
    assert signal.times_s == (1798761600.0,)


@pytest.mark.parametrize(
    ("text", "is_json", "found"),
    [
        ("time,value\n0,1\nx,2", False, "row 2"),
        ("when,value\n0,1", False, "row 1"),
        ("time,value\n", False, "no row"),
        ("{}", True, "no list"),
        ("time,value\n2027-01-01T00:00:00,1", False, "time zone"),
    ],
)
def test_what_is_wrong_with_a_signal_is_said(text: str, is_json: bool, found: str) -> None:
    with pytest.raises(SignalError, match=found):
        parse_signal(text, "there", Quantity.CARBON, Mapping(), is_json=is_json)


@pytest.fixture
def server() -> Iterator[tuple[str, list[str]]]:
    """A server that answers with what is in the list."""
    answers = [CSV]

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answers[0].encode())

        def log_message(self, *args: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as there:
        thread = threading.Thread(target=there.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{there.server_port}/carbon", answers
        there.shutdown()
        thread.join()


def test_the_last_answer_of_a_server_holds_while_it_is_away_until_it_is_stale(
    server: tuple[str, list[str]],
) -> None:
    url, answers = server
    source = HttpSignal(url, Quantity.CARBON, is_json=False, every_s=60.0)
    assert source.current(7200.0).at(7200.0) == 300
    answers[0] = "nonsense"
    assert source.current(7300.0).at(7300.0) == 300
    assert "no row" in source.note
    assert source.current(7300.0 + STALE_S) is None
    assert "stale" in source.note


def test_only_the_web_is_asked() -> None:
    with pytest.raises(SignalError, match="no web address"):
        HttpSignal("file:///etc/passwd", Quantity.CARBON)


def test_its_mean_is_over_time_and_only_over_what_is_known() -> None:
    signal = Signal(Quantity.CARBON, (0.0, 3600.0), (100.0, 200.0))

    assert signal.mean(0.0, 7200.0) == pytest.approx(150.0)
    assert signal.mean(2700.0, 4500.0) == pytest.approx(150.0)
    assert signal.mean(-9000.0, 3600.0) == pytest.approx(100.0)
    assert signal.mean(3600.0 + STALE_S, 9e9) is None
    assert signal.mean(-10.0, -5.0) is None
