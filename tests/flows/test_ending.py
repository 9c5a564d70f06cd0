"""Every state a challenger's run may end in, by its name, and what the log says then."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from components.policy.default_bundle import default_bundle
from components.releases.canary import THEN, End, canary_in_force, end_canary
from components.releases.entry import Kind
from components.releases.log import ReleaseLog
from components.releases.operations import promote, seed
from components.settings.settings import REQUIRED, Settings
from flows.approvals import ask_approval
from flows.canaries import roll_out
from flows.ending import Ending, Wanted, conclude
from flows.services import free_port

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from components.releases.entry import Release
    from flows.approvals import Request


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(home=tmp_path / "home", mlflow_port=free_port(), hub_port=free_port())
    seed(settings.home, default_bundle())
    return settings


def end(settings: Settings, made: Any, rollout: str, *, when: Any = None) -> Ending:
    def ask(settings: Settings, version: Any, *, why: str, rollout: str) -> Request:
        return ask_approval(settings.home, version, why, when, rollout)

    wanted = Wanted(rollout, "joulepilot flows", "nightly", {"lake_version": 3})
    return conclude(settings, made.version, made.verdict, wanted, ask=ask, roll_out=roll_out)


def entries(settings: Settings) -> tuple[Release, ...]:
    return ReleaseLog(settings.home / "releases").entries()


def begin_canary(settings: Settings, made: Any, **evidence: Any) -> None:
    promote(
        settings.home,
        made.bundle,
        made.verdict,
        nodes=("n1",),
        evidence=evidence,
        who="ann",
        why="to see",
    )


def test_what_the_gate_refuses_is_not_better(
    settings: Settings, make_challenger: Callable[..., Any]
) -> None:
    ending = end(settings, make_challenger(settings.home, passed=False), "all")
    assert (ending.name, ending.message) == ("Not better", "regret: Found by a test.")
    assert len(entries(settings)) == 1


def test_without_a_rollout_it_stays_challenger(
    settings: Settings, make_challenger: Callable[..., Any]
) -> None:
    ending = end(settings, make_challenger(settings.home), "none")
    assert (ending.name, ending.outcome) == ("Passed the gate", None)


def test_all_at_once_is_promoted(settings: Settings, make_challenger: Callable[..., Any]) -> None:
    ending = end(settings, make_challenger(settings.home), "all")
    assert ending.name == "Promoted"
    last = entries(settings)[-1]
    assert (last.kind, dict(last.evidence)) == (Kind.PROMOTE, {"version": 7, "lake_version": 3})


def test_a_person_is_asked_first_where_that_is_the_rule(
    settings: Settings, make_challenger: Callable[..., Any], noon: Any
) -> None:
    made = make_challenger(settings.home)
    ending = end(replace(settings, approval=REQUIRED), made, "rings", when=noon)
    assert ending.name == "Waiting for approval"
    assert len(entries(settings)) == 1


@pytest.mark.parametrize(("rollout", "then"), [("canary", "all"), ("rings", "10% all")])
def test_a_canary_is_started_on_one_node(
    settings: Settings,
    make_challenger: Callable[..., Any],
    hub_with_nodes: Callable[..., int],
    rollout: str,
    then: str,
) -> None:
    served = replace(settings, hub_port=hub_with_nodes("n1", "n2"))
    made = make_challenger(settings.home)
    ending = end(served, made, rollout)
    assert ending.name == "Canary started"
    canary = canary_in_force(entries(settings))
    assert canary is not None
    assert canary.nodes in {("n1",), ("n2",)}
    assert canary.started.evidence[THEN] == then
    assert canary.started.verdict == made.verdict
    again = end(served, made, rollout)
    assert (again.name, len(entries(settings))) == ("Canary started", 2)


def test_without_a_node_that_is_up_it_stays_challenger(
    settings: Settings, make_challenger: Callable[..., Any], hub_with_nodes: Callable[..., int]
) -> None:
    ending = end(
        replace(settings, hub_port=hub_with_nodes()), make_challenger(settings.home), "canary"
    )
    assert ending.name == "Passed the gate"
    assert "0 nodes are up" in ending.message


def test_two_versions_are_not_tried_at_once(
    settings: Settings, make_challenger: Callable[..., Any]
) -> None:
    begin_canary(settings, make_challenger(settings.home, name="first"))
    ending = end(settings, make_challenger(settings.home), "canary")
    assert ending.name == "Passed the gate"
    assert "entry 2 tries bundle" in ending.message


def test_what_regressed_before_is_not_better(
    settings: Settings, make_challenger: Callable[..., Any]
) -> None:
    made = make_challenger(settings.home)
    begin_canary(settings, made)
    canary = canary_in_force(entries(settings))
    assert canary is not None
    end_canary(settings.home, canary, End.REGRESSED, who="joulepilot", why="it missed")
    ending = end(settings, made, "all")
    assert ending.name == "Not better"
    assert "it regressed in a canary, see entry 3: it missed" in ending.message
