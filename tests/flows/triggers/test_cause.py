"""Many causes are one retraining, and none asks every minute."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from components.hub.nodes import NodeState
from components.telemetry.heartbeat import Heartbeat
from components.telemetry.sample import Origin
from flows.triggers.cause import AT_MOST_EVERY, SAME_CAUSE_EVERY, Cause, ask
from flows.triggers.of_nodes import causes_of_nodes

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
ONE, TWO = Cause("one", "2,000 new samples"), Cause("two", "n1 changed")
BEAT = Heartbeat(
    node="n1",
    node_class="c",
    fingerprint="f1",
    origin=Origin.SIMULATED,
    time=NOW,
    release=1,
    policy_digest=None,
    mode="auto",
    paused=False,
)


@pytest.fixture
def sent() -> list[str]:
    return []


def test_several_causes_are_one_event_that_names_them_all(tmp_path: Path, sent: list[str]) -> None:
    assert ask(tmp_path, [ONE, TWO], NOW, sent.append) == (ONE, TWO)
    assert sent == ["2,000 new samples; n1 changed"]


def test_no_cause_sends_nothing(tmp_path: Path, sent: list[str]) -> None:
    assert ask(tmp_path, [], NOW, sent.append) == ()
    assert sent == []


def test_another_cause_waits_an_hour_and_the_same_a_day(tmp_path: Path, sent: list[str]) -> None:
    ask(tmp_path, [ONE], NOW, sent.append)
    soon, later, next_day = NOW + AT_MOST_EVERY / 2, NOW + AT_MOST_EVERY, NOW + SAME_CAUSE_EVERY
    assert ask(tmp_path, [ONE, TWO], soon, sent.append) == ()
    assert ask(tmp_path, [], later, sent.append) == (TWO,)  # it came up once, and waited
    assert ask(tmp_path, [ONE], next_day + AT_MOST_EVERY, sent.append) == (ONE,)


def test_what_could_not_be_sent_asks_again(tmp_path: Path, sent: list[str]) -> None:
    def fail(_text: str) -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        ask(tmp_path, [ONE], NOW, fail)
    assert ask(tmp_path, [ONE], NOW, sent.append) == (ONE,)


def test_a_damaged_memory_is_no_reason_to_be_silent(tmp_path: Path, sent: list[str]) -> None:
    (tmp_path / "retrain-causes.json").write_text('{"asked": {"one": 3}}')
    assert ask(tmp_path, [ONE], NOW, sent.append) == (ONE,)


def heard(beat: Heartbeat) -> NodeState:
    return NodeState(beat, NOW - timedelta(seconds=1))


def test_a_node_that_changed_is_a_cause_and_a_new_one_is_not(tmp_path: Path) -> None:
    assert causes_of_nodes(tmp_path, [heard(BEAT)]) == ()
    other = replace(BEAT, fingerprint="f2")
    assert [cause.key for cause in causes_of_nodes(tmp_path, [heard(other)])] == [
        "fingerprint n1 f2"
    ]
    assert causes_of_nodes(tmp_path, [heard(other)]) == ()


def test_a_bundle_newly_blocked_on_many_nodes_is_one_cause_once(tmp_path: Path) -> None:
    nodes = [replace(BEAT, node=node) for node in ("n1", "n2")]
    blocked = [heard(replace(beat, blocked_digests=("b" * 64,))) for beat in nodes]
    assert causes_of_nodes(tmp_path, [heard(beat) for beat in nodes]) == ()
    [cause] = causes_of_nodes(tmp_path, blocked)
    assert cause == Cause("blocked " + "b" * 64, "n2 rolled bundle bbbbbbbbbbbb back")
    assert causes_of_nodes(tmp_path, blocked) == ()
