from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

from components.hub.nodes import NodeState
from components.hub.page import status_page
from components.telemetry.heartbeat import SweepStatus
from components.telemetry.sample import Origin

if TYPE_CHECKING:
    from components.telemetry.heartbeat import Heartbeat, JobStatus

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


class Text(HTMLParser):
    """Collects what a reader sees, and checks that tags are closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in {"meta", "col"}:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self._open and data.strip():
            self.seen.append(data.strip())


def seen(*states: NodeState, latest: int | None = 3) -> str:
    parser = Text()
    parser.feed(status_page(states, latest, NOW))
    parser.close()
    assert parser._open == []
    return " ".join(parser.seen)


def state(heartbeat: Heartbeat, age_s: float = 1.0) -> NodeState:
    return NodeState(heartbeat, NOW - timedelta(seconds=age_s))


def with_job(heartbeat: Heartbeat, **changes: str | float | None) -> Heartbeat:
    job: JobStatus = heartbeat.jobs[0]
    return replace(heartbeat, jobs=(replace(job, **changes),))  # type: ignore[arg-type]


def test_a_job_is_shown_with_all_that_a_person_asks_for(heartbeat: Heartbeat) -> None:
    text = seen(state(heartbeat))
    for word in ("edge-01", "resnet", "6.25", "7 p95", "24", "0-23", "compact", "policy", "auto"):
        assert word in text
    for word in ("settled", "215.9 W, modelled", "release 3", "abababababab", "heard 1.0 s ago"):
        assert word in text
    assert "missed" not in text.replace("targets missed", "")


def test_a_missed_target_is_said_in_words_not_colour_only(heartbeat: Heartbeat) -> None:
    assert "8.00 / 7 p95 ✗ missed" in seen(state(with_job(heartbeat, latency_ms=8.0)))


def test_what_was_not_observed_is_not_shown_as_zero(heartbeat: Heartbeat) -> None:
    blind = replace(with_job(heartbeat, latency_ms=None), node_power_w=None, power_source=None)
    text = seen(state(blind))
    assert text.count("not observed") == 3
    assert "0.00" not in text


def test_a_silent_node_is_said_and_not_counted_as_heard(heartbeat: Heartbeat) -> None:
    text = seen(state(heartbeat, 700), state(replace(heartbeat, node="b")))
    assert "silent, last heard 12 min ago" in text
    assert "nodes heard 1 of 2" in text


def test_a_node_behind_the_log_is_said(heartbeat: Heartbeat) -> None:
    assert "release 3 of 4" in seen(state(heartbeat), latest=4)


def test_what_is_wanted_and_why_is_shown(heartbeat: Heartbeat) -> None:
    recommend = with_job(heartbeat, wanted="11 CPUs compact", reason="mode is recommend")
    text = seen(state(recommend))
    assert "would get 11 CPUs compact" in text
    assert "mode is recommend" in text


def test_troubles_blocked_policies_pause_and_sweep_are_shown(heartbeat: Heartbeat) -> None:
    sweep = SweepStatus(sequence=5, done=2, total=8, state="failed", reason="no load")
    ill = replace(
        heartbeat,
        health=("Docker is away",),
        blocked_digests=("cd" * 32,),
        paused=True,
        sweep=sweep,
    )
    text = seen(state(ill))
    for words in ("Docker is away", "has blocked policy cdcdcdcdcdcd", "paused"):
        assert words in text
    assert "Sweep of release 5: failed, 2 of 8 points: no load" in text


def test_the_total_of_watts_says_its_sources(heartbeat: Heartbeat) -> None:
    measured = replace(heartbeat, node="b", node_power_w=100.0, power_source="measured")
    blind = replace(heartbeat, node="c", node_power_w=None)
    text = seen(state(heartbeat), state(measured), state(blind))
    assert "316 W of 2 nodes measured, modelled" in text


def test_watts_of_made_up_nodes_are_not_added_to_real_ones(heartbeat: Heartbeat) -> None:
    made_up = replace(heartbeat, node="b", origin=Origin.SIMULATED, node_power_w=100.0)
    text = seen(state(heartbeat), state(made_up))
    assert "power 216 W modelled simulated power 100 W modelled" in text


def test_no_node_yet_is_said() -> None:
    assert "No node has been heard of yet" in seen(latest=None)


@pytest.mark.parametrize("field", ["node", "node_class", "mode", "policy_digest", "power_source"])
def test_what_a_node_says_cannot_become_markup(heartbeat: Heartbeat, field: str) -> None:
    page = status_page([state(replace(heartbeat, **{field: '<img src=x>"'}))], 3, NOW)
    assert "<img" not in page


@pytest.mark.parametrize(
    "field", ["name", "mode", "arm", "cpuset", "layout", "state", "wanted", "reason"]
)
def test_what_a_job_says_cannot_become_markup(heartbeat: Heartbeat, field: str) -> None:
    page = status_page([state(with_job(heartbeat, **{field: "<script>alert(1)</script>"}))], 3, NOW)
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_the_page_fetches_nothing_and_asks_for_itself_again(heartbeat: Heartbeat) -> None:
    page = status_page([state(heartbeat)], 3, NOW)
    assert '<meta http-equiv="refresh" content="5">' in page
    assert not re.search(r"src=|href=|@import|url\(|https?://|<script", page)
