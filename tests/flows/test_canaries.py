"""Canaries from begin to end, by a real log and heartbeats as nodes send them."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from components.hub.nodes import NodeState
from components.policy.bundle import bundle_digest
from components.policy.default_bundle import default_bundle
from components.releases.canary import THEN, canary_in_force
from components.releases.entry import Kind
from components.releases.errors import RefusedError
from components.releases.log import ReleaseLog
from components.releases.operations import pause, promote, seed
from components.settings.settings import Settings
from components.telemetry.heartbeat import ExperimentStatus, Heartbeat, JobStatus
from components.telemetry.sample import Origin
from flows.canaries import WHO, roll_out, tend
from flows.services import free_port
from flows.telling.of_canaries import NEWS_FOR, canary_findings
from flows.telling.watch import Watcher

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from components.releases.canary import Canary
    from components.releases.entry import Release

CHAMPION = bundle_digest(default_bundle())
NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
SOON = NOW + timedelta(minutes=10)
JOB = JobStatus(
    name="web", mode="auto", arm="canary", target_ms=7.0, target_statistic="mean",
    latency_ms=6.0, cpuset="0-7", n_cpus=8, layout="compact", state="settled",
)  # fmt: skip


class Fleet:
    """Nodes as a hub knows them, and a log with a canary on some of them."""

    def __init__(self, home: Path, made: Any, names: tuple[str, ...]) -> None:
        self.settings = Settings(home=home, mlflow_port=free_port(), hub_port=free_port())
        self.version = made.version
        self.challenger = made.digest
        self.states = {name: self._state(name) for name in names}

    @property
    def entries(self) -> tuple[Release, ...]:
        return ReleaseLog(self.settings.home / "releases").entries()

    @property
    def canary(self) -> Canary | None:
        return canary_in_force(self.entries)

    def says(self, name: str, standing: str, *, digest: str | None = None) -> None:
        """Have a node report how its canary stands; with a regression it blocks the bundle."""
        challenger = digest or self.challenger
        experiment = ExperimentStatus(
            kind="canary", digest=challenger, state=standing, n_pairs=12, energy_ratio=0.96,
            reason=f"it is {standing}",
        )  # fmt: skip
        blocked = (challenger,) if standing == "regressed" else ()
        self.change(name, experiment=experiment, blocked_digests=blocked, release=len(self.entries))

    def change(self, name: str, **fields: object) -> None:
        state = self.states[name]
        beat = replace(state.heartbeat, **fields)  # type: ignore[arg-type]
        self.states[name] = replace(state, heartbeat=beat)

    def silence(self, name: str) -> None:
        self.states[name] = replace(self.states[name], received=NOW - timedelta(hours=1))

    def tend(self, at: datetime = SOON) -> Release | None:
        outcome = tend(self.settings, self.entries, tuple(self.states.values()), at)
        return None if outcome is None else outcome.release

    def told(self, at: datetime = SOON) -> list[str]:
        found = canary_findings(self.entries, tuple(self.states.values()), at)
        return [finding.title for finding in found]

    def _state(self, name: str) -> NodeState:
        beat = Heartbeat(
            node=name, node_class="c", fingerprint="f", origin=Origin.SIMULATED, time=SOON,
            release=1, policy_digest=CHAMPION, mode="auto", paused=False, jobs=(JOB,),
        )  # fmt: skip
        return NodeState(beat, SOON)


@pytest.fixture
def begin(tmp_path: Path, make_challenger: Callable[..., Any]) -> Callable[..., Fleet]:
    """A fleet with a canary on the nodes given, begun at noon."""

    def make(*on: str, then: str = "all", names: tuple[str, ...] = ("n1", "n2")) -> Fleet:
        home = tmp_path / "home"
        seed(home, default_bundle(), when=NOW)
        made = make_challenger(home)
        evidence = {"version": 7, **({THEN: then} if then else {})}
        asked = {"who": "ann", "why": "less regret", "when": NOW}
        promote(home, made.bundle, made.verdict, nodes=on, evidence=evidence, **asked)  # type: ignore[arg-type]
        return Fleet(home, made, names)

    return make


def test_the_winner_runs_everywhere_by_evidence_that_is_kept(begin: Callable[..., Fleet]) -> None:
    fleet = begin("n1")
    gate = fleet.entries[-1].verdict
    assert fleet.tend() is None
    fleet.says("n1", "won")
    entry = fleet.tend()
    assert entry is not None
    assert (entry.kind, entry.who, entry.verdict) == (Kind.PROMOTE, WHO, gate)
    assert entry.why == "won its canary (entry 2): n1: it is won"
    assert dict(entry.evidence) == {
        "version": 7, "canary": 2, "canary_ended_as": "won", "canary_pairs": 12,
        "canary_digest": fleet.challenger,
    }  # fmt: skip
    assert entry.desired.digests == {fleet.challenger}
    assert fleet.tend() is None
    assert fleet.told() == ["version 7 won its canary and runs everywhere"]


def test_one_node_on_which_it_regressed_ends_it_for_all(begin: Callable[..., Fleet]) -> None:
    fleet = begin("n1", "n2")
    fleet.says("n1", "won")
    fleet.says("n2", "regressed")
    entry = fleet.tend()
    assert entry is not None
    assert (entry.kind, entry.desired.digests) == (Kind.ROLLBACK, {CHAMPION})
    assert entry.blocked_digest == fleet.challenger
    assert entry.why == "its canary (entry 2) ended as regressed: n2: it is regressed"
    assert fleet.tend() is None
    assert fleet.told() == ["the canary of version 7 regressed"]
    assert fleet.told(entry.when + NEWS_FOR) == []


def test_a_node_that_blocks_it_after_a_restart_has_ended_it_too(
    begin: Callable[..., Fleet],
) -> None:
    fleet = begin("n1")
    fleet.change("n1", blocked_digests=(fleet.challenger,), experiment=None)
    entry = fleet.tend()
    assert entry is not None
    assert "rolled back there and is blocked" in entry.why


def test_it_goes_on_while_a_node_that_is_up_still_compares(begin: Callable[..., Fleet]) -> None:
    fleet = begin("n1", "n2")
    fleet.says("n1", "won")
    fleet.says("n2", "running")
    assert fleet.tend() is None
    fleet.silence("n2")
    assert fleet.tend() is not None


def test_a_node_without_a_job_to_change_keeps_nobody_waiting(begin: Callable[..., Fleet]) -> None:
    fleet = begin("n1", "n2")
    fleet.says("n1", "won")
    fleet.change("n2", jobs=(replace(JOB, mode="recommend"),))
    assert fleet.tend() is not None


def test_without_a_winner_it_stays_challenger(begin: Callable[..., Fleet]) -> None:
    fleet = begin("n1")
    fleet.says("n1", "undecided")
    entry = fleet.tend()
    assert entry is not None
    assert (entry.kind, entry.blocked_digest) == (Kind.ROLLBACK, None)
    assert fleet.told() == ["the canary of version 7 ended without a winner"]


def test_without_evidence_it_expires(begin: Callable[..., Fleet]) -> None:
    fleet = begin("n1")
    fleet.silence("n1")
    assert fleet.tend(NOW + timedelta(hours=23)) is None
    late = NOW + timedelta(hours=24)
    entry = fleet.tend(late)
    assert entry is not None
    assert "ended as expired: n1: nothing was compared" in entry.why
    assert fleet.told(late) == ["the canary of version 7 expired"]


def test_a_verdict_of_an_earlier_canary_counts_for_nothing(begin: Callable[..., Fleet]) -> None:
    fleet = begin("n1")
    fleet.says("n1", "won")
    fleet.change("n1", release=1)
    assert fleet.tend() is None
    fleet.says("n1", "won", digest="f" * 64)
    assert fleet.tend() is None


def test_rings_widen_one_by_one_and_hold_who_was_in(begin: Callable[..., Fleet]) -> None:
    names = tuple(f"n{number}" for number in range(20))
    fleet = begin("n1", then="10% all", names=names)
    fleet.says("n1", "won")
    wider = fleet.tend()
    assert wider is not None
    assert (wider.kind, wider.evidence[THEN]) == (Kind.CANARY, "all")
    assert fleet.told() == ["version 7 won its canary and runs on the next ring"]
    canary = fleet.canary
    assert canary is not None
    assert len(canary.nodes) >= 2
    assert "n1" in canary.nodes
    fleet.says("n1", "won")
    assert fleet.tend() is None
    for name in canary.nodes:
        fleet.says(name, "won")
    last = fleet.tend()
    assert last is not None
    assert (last.kind, last.desired.digests) == (Kind.PROMOTE, {fleet.challenger})


def test_of_a_small_fleet_ten_per_cent_is_no_ring_of_its_own(begin: Callable[..., Fleet]) -> None:
    fleet = begin("n1", then="10% all", names=("n1",))
    fleet.says("n1", "won")
    assert str(getattr(fleet.tend(), "kind", None)) == "promote"


def test_while_nodes_are_paused_nothing_is_promoted(begin: Callable[..., Fleet]) -> None:
    fleet = begin("n1")
    pause(fleet.settings.home, who="bob", why="incident")
    fleet.says("n1", "won")
    assert fleet.tend() is None
    fleet.says("n1", "regressed")
    assert fleet.tend() is not None


def test_the_canary_of_a_person_is_theirs_to_promote(begin: Callable[..., Fleet]) -> None:
    fleet = begin("n1", then="")
    fleet.says("n1", "won")
    assert fleet.tend() is None
    assert fleet.told() == ["the canary of version 7 is over: won"]
    fleet.says("n1", "regressed")
    assert fleet.tend() is not None


def test_of_two_watchers_one_writes(begin: Callable[..., Fleet]) -> None:
    fleet = begin("n1")
    fleet.says("n1", "won")
    seen, states = fleet.entries, tuple(fleet.states.values())
    assert tend(fleet.settings, seen, states, SOON) is not None
    assert tend(fleet.settings, seen, states, SOON) is None
    assert len(fleet.entries) == 3


def test_the_watcher_ends_it_by_what_the_hub_heard_and_tells_of_it_once(
    begin: Callable[..., Fleet], hub_with_nodes: Callable[..., int]
) -> None:
    fleet = begin("n1")
    fleet.says("n1", "regressed")
    beat = fleet.states["n1"].heartbeat
    said = {"release": 2, "experiment": beat.experiment, "blocked_digests": beat.blocked_digests}
    served = replace(fleet.settings, hub_port=hub_with_nodes("n1", **said))
    watcher = Watcher(served)
    for _ in range(2):
        found = watcher.look(NOW + timedelta(minutes=1))
        titles = [finding.title for finding in found if not finding.patience_s]
        assert titles[:1] == ["the canary of version 7 regressed"]
        assert not any("rolled a policy back" in finding.title for finding in found)
        assert len(fleet.entries) == 3


def test_a_winner_that_cannot_be_promoted_is_told_of(
    begin: Callable[..., Fleet], hub_with_nodes: Callable[..., int]
) -> None:
    fleet = begin("n1")
    fleet.says("n1", "won")
    said = {"release": 2, "experiment": fleet.states["n1"].heartbeat.experiment, "jobs": (JOB,)}
    served = replace(fleet.settings, hub_port=hub_with_nodes("n1", **said))
    shutil.rmtree(fleet.settings.home / "bundles" / fleet.challenger)
    [found] = Watcher(served).look(NOW)
    assert found.title == "a canary that is over cannot be ended"
    assert "does not hold it" in found.text
    assert len(fleet.entries) == 2


def test_the_first_node_is_one_that_can_compare(
    begin: Callable[..., Fleet], hub_with_nodes: Callable[..., int]
) -> None:
    fleet = begin("n1")
    fleet.says("n1", "undecided")
    fleet.tend()
    port = hub_with_nodes(*"abcdefgh", mode="recommend")
    hub_with_nodes("able", port=port, jobs=(JOB,))
    served = replace(fleet.settings, hub_port=port)
    release = roll_out(served, fleet.version, "canary", who="ann", why="again").release
    assert release.desired.rings[0].nodes == ("able",)


def test_what_regressed_is_not_rolled_out_again(begin: Callable[..., Fleet]) -> None:
    fleet = begin("n1")
    fleet.says("n1", "regressed")
    fleet.tend()
    with pytest.raises(RefusedError, match="regressed in a canary"):
        roll_out(fleet.settings, fleet.version, "all", who="ann", why="again")
