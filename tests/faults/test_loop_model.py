"""The whole loop against a model of the engine: whatever happens in whatever order, this holds."""

from __future__ import annotations

import uuid
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from components.actuation.journal import Journal
from components.executor.acting import Actor, Look
from components.executor.ports import KeptEvents
from components.executor.settings import ExecutorSettings
from components.madeup.job import MadeUpJob
from components.madeup.node import job_labels
from components.madeup.reference_node import ReferenceResponse
from components.node.cpuset import format_cpu_list

if TYPE_CHECKING:
    from collections.abc import Callable

    from components.executor.job_run import JobRun
    from components.executor.loop import Executor
    from components.madeup.node import MadeUpNode

pytestmark = pytest.mark.timeout(1800)

JOB = "resnet"
CPUS = st.sets(st.integers(0, 127), min_size=1, max_size=127).map(frozenset)
SETTINGS = ExecutorSettings(
    window_s=2.0,
    settle_s=0.0,
    min_requests=50,
    confirm_windows=1,
    holdback_share=0.0,
    foreign_hold_s=6.0,
    telemetry_s=5.0,
    discover_s=3.0,
)


class Looping(RuleBasedStateMachine):
    """An executor with its files, an engine that fails, an owner and an operator who interfere.

    The model knows which settings are the owner's: the last one that the executor had a chance to
    see, and what was set while it was dead. One of them has to come back in the end.
    """

    node: MadeUpNode
    """One for all examples: to make it takes longer than an example."""
    world_at: Callable[[Path], Any]
    """Makes an executor's world in a folder."""

    def __init__(self) -> None:
        super().__init__()
        self.home = Path(self.node.root) / uuid.uuid4().hex
        self.world = type(self).world_at(self.home)
        self.node.host.is_away = False
        self.node.bring_online(self.node.topology.ids)
        self.node.silence(JOB, silent=False)
        self.node.set_rate(JOB, 50.0)
        self.node.host.restore(self.container_id, "")
        self.owners = {""}
        self.start()

    def start(self) -> None:
        self.world.start()
        assert not (*self.world.journal.health, *self.world.store.health)

    @property
    def executor(self) -> Executor:
        return self.world.executor

    @rule(n_ticks=st.integers(1, 12))
    def tick(self, n_ticks: int) -> None:
        """Believe what is: after every tick in which the engine answered."""
        for _ in range(n_ticks):
            self.executor.tick()
            if self.is_answering:
                assert self.executor.runs
                assert self.run.in_force.cpus == self.effective
            self.node.clock.sleep(SETTINGS.tick_s)

    @rule()
    def kill(self) -> None:
        """Ours dies without a word, and is started again."""
        self.start()

    @rule()
    def stop(self) -> None:
        """Ours ends in order: with an engine that answers, all is as the owner had it."""
        if not self.is_answering:
            return
        self.node.bring_online(self.node.topology.ids)
        assert self.executor.stop().complete
        assert self.configured in self.owners
        assert not Journal(self.home / "journal.json").originals()
        self.start()

    @rule(cpus=CPUS, is_seen=st.booleans())
    def interfere(self, cpus: frozenset[int], is_seen: bool) -> None:
        """The owner sets something; one who lives sees that with the next tick, and leaves it."""
        if not self.is_answering or not cpus & self.online:
            return
        asked = self.run.in_force.asked if self.executor.runs else None
        text = format_cpu_list(cpus)
        self.node.host.restore(self.container_id, text)
        self.owners.add(text)
        if not is_seen or asked is None:
            self.start()
            return
        self.tick(1)
        if self.run.hold is not None and "someone else" in self.run.hold.reason:
            assert self.configured == text
            self.owners = {text}
        else:
            assert cpus & self.online == asked & self.online, "it was not even noticed"

    @rule(is_away=st.booleans())
    def engine(self, is_away: bool) -> None:
        self.node.host.is_away = is_away

    @rule(cpus=st.sets(st.integers(0, 127), min_size=1, max_size=100).map(frozenset))
    def unplug(self, cpus: frozenset[int]) -> None:
        self.node.bring_online(self.node.topology.ids)
        self.node.take_offline(cpus)

    @rule()
    def plug(self) -> None:
        self.node.bring_online(self.node.topology.ids)

    @rule(is_silent=st.booleans(), rate_per_s=st.sampled_from([20.0, 50.0, 70.0]))
    def server(self, is_silent: bool, rate_per_s: float) -> None:
        self.node.set_rate(JOB, rate_per_s)
        self.node.silence(JOB, silent=is_silent)

    @rule()
    def restart_container(self) -> None:
        self.node.restart(JOB)

    @rule()
    def replace_container(self) -> None:
        """It is removed, that is seen, and another of its name comes."""
        if not self.is_answering:
            return
        self.node.kill(JOB)
        self.executor.tick()
        assert not self.executor.runs
        self.node.start(
            MadeUpJob(
                name=JOB,
                response=ReferenceResponse(),
                rate_per_s=50.0,
                labels=job_labels(7.0, model=JOB),
            )
        )
        self.executor.refresh()  # the engine told of it
        self.owners = {""}

    @rule(is_paused=st.booleans())
    def operator_pauses(self, is_paused: bool) -> None:
        self.world.store.change(paused=is_paused)

    @rule(mode=st.sampled_from(["auto", "recommend", "canary", "off"]))
    def operator_allows(self, mode: str) -> None:
        """One that may not be changed any more has what its owner set."""
        self.world.overrides.update(JOB, {"mode": mode})
        self.executor.refresh()
        if mode == "recommend" and self.is_answering and self.online == self.node.topology.ids:
            assert self.configured in self.owners

    @property
    def container_id(self) -> str:
        return self.node.container(JOB).id

    @property
    def run(self) -> JobRun:
        return self.executor.runs[0]

    @property
    def is_answering(self) -> bool:
        return not self.node.host.is_away

    @property
    def online(self) -> frozenset[int]:
        return frozenset(self.node.cpu_times.busy_s())

    @property
    def effective(self) -> frozenset[int]:
        return self.node.host.effective_cpus(self.container_id)

    @property
    def configured(self) -> str:
        return self.node.host.configured_cpus(self.container_id)

    @invariant()
    def what_was_changed_is_journalled_on_disk(self) -> None:
        if not self.is_answering:
            return
        assert self.effective
        kept = Journal(self.home / "journal.json")
        assert not kept.health
        if self.configured not in self.owners:
            assert kept.originals()[self.container_id].configured in self.owners

    def teardown(self) -> None:
        self.node.host.is_away = False
        self.stop()


@pytest.fixture
def machine(tmp_path, world):
    """The machine on a node of its own."""

    def world_at(home):
        return replace(world, home=home, settings=SETTINGS, published=KeptEvents(most=10))

    return type("Machine", (Looping,), {"node": world.node, "world_at": staticmethod(world_at)})


def test_whatever_happens_the_loop_believes_what_is_and_the_owner_gets_his_own_back(
    machine, at_length
):
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=at_length(8, 300),
            stateful_step_count=25,
            deadline=None,
            database=None,
            print_blob=False,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_the_model_would_notice_a_loop_that_takes_every_change_for_its_own(machine, monkeypatch):
    def blind(self, container, expected):
        return Look(self._host.effective_cpus(container.id), is_foreign=False)

    monkeypatch.setattr(Actor, "look", blind)
    modelled = machine()
    modelled.tick(1)

    with pytest.raises(AssertionError, match="not even noticed"):
        modelled.interfere(frozenset({3, 5}), is_seen=True)


def test_the_model_would_notice_a_loop_that_forgets_the_original(machine, monkeypatch):
    monkeypatch.setattr(Journal, "record", lambda *_: None)
    modelled = machine()
    modelled.tick(12)

    with pytest.raises(KeyError):
        modelled.what_was_changed_is_journalled_on_disk()
