"""The executor against a model of the engine: whatever happens in whatever order, this holds."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from components.actuation.journal import Journal
from components.errors import JoulepilotError
from components.executor.acting import Actor
from components.madeup.node import reference_node

if TYPE_CHECKING:
    from components.madeup.node import MadeUpNode

pytestmark = pytest.mark.timeout(1200)

CPUS = st.sets(st.integers(0, 127), min_size=1).map(frozenset)


class Reconciling(RuleBasedStateMachine):
    """One writer with its journal, an engine that fails and lies, an owner who interferes.

    The model knows what the owner last set; that is what has to come back in the end.
    """

    node: MadeUpNode
    """One for all examples: to make one takes longer than an example."""

    def __init__(self) -> None:
        super().__init__()
        self.path = Path(self.node.root) / f"journal-{uuid.uuid4().hex}.json"
        self.node.host.is_away = False
        self.node.host.restore(self.node.container("resnet").id, "")
        self.container = self.node.container("resnet")
        self.owners = ""
        self.believed: frozenset[int] | None = None

    @initialize(text=st.sampled_from(["", "0-63", "3,5,7"]))
    def begin(self, text: str) -> None:
        if text:
            self.node.host.restore(self.container.id, text)
        self.owners = text
        self.restart()

    @rule()
    def restart(self) -> None:
        """Ours is killed and started again."""
        self.journal = Journal(self.path)
        assert not self.journal.health
        self.actor = Actor(self.node.host, self.journal)

    @rule(cpus=CPUS)
    def set(self, cpus: frozenset[int]) -> None:
        """What is believed is what was read back."""
        try:
            self.believed = self.actor.set(self.container, cpus)
        except JoulepilotError:
            return
        assert self.believed == self.effective() == cpus

    @rule()
    def give_back(self) -> None:
        try:
            self.actor.give_back(self.container.id)
        except JoulepilotError:
            return
        if self.is_answering and not self.journal.originals():
            self.believed = None
            assert self.node.host.configured_cpus(self.container.id) == self.owners

    @rule(cpus=CPUS)
    def interfere(self, cpus: frozenset[int]) -> None:
        """The owner sets something; it is noticed, and it is what counts from then on."""
        if not self.is_answering:
            return
        before = self.effective()
        text = ",".join(map(str, sorted(cpus)))
        self.node.host.restore(self.container.id, text)
        if cpus == before or self.believed is None:
            self.owners = text if not self.journal.originals() else self.owners
            return
        look = self.actor.look(self.container, self.believed)
        assert look.cpus == self.effective()
        if look.is_foreign:
            self.actor.adopt_foreign(self.container.id)
            self.owners, self.believed = text, None

    @rule(is_away=st.booleans())
    def engine(self, is_away: bool) -> None:
        self.node.host.is_away = is_away

    @property
    def is_answering(self) -> bool:
        return not self.node.host.is_away

    def effective(self) -> frozenset[int]:
        return self.node.host.effective_cpus(self.container.id)

    @invariant()
    def what_was_changed_is_journalled(self) -> None:
        if not hasattr(self, "journal") or not self.is_answering:
            return
        configured = self.node.host.configured_cpus(self.container.id)
        originals = self.journal.originals()
        if configured != self.owners:
            assert originals[self.container.id].configured == self.owners
        assert self.effective()


@pytest.fixture
def machine(tmp_path):
    """The machine on a node of its own."""
    return type("Machine", (Reconciling,), {"node": reference_node(tmp_path, seed=0)})


def test_whatever_happens_what_the_owner_set_is_never_lost(machine, at_length):
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=at_length(25, 300),
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_the_model_would_notice_a_writer_that_forgets_the_original(machine, monkeypatch):
    monkeypatch.setattr(Journal, "record", lambda *_: None)

    with pytest.raises(KeyError):
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=50, deadline=None, database=None, print_blob=False,
                suppress_health_check=list(HealthCheck),
            ),
        )  # fmt: skip
