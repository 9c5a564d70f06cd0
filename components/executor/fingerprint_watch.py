"""Has this node become another one? Kernel, governor, SMT state, drivers."""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from components.executor.ports import NodePorts
    from components.executor.state import StateStore
    from components.node.fingerprint import NodeIdentity

log = logging.getLogger(__name__)

LOOK_EVERY_S = 60.0


class FingerprintWatch:
    """Compares the node with what it was when someone last agreed to it.

    What was learned of another node says little of this one: until someone says `resume`, its jobs
    go no further than `recommend`.
    """

    def __init__(self, ports: NodePorts, store: StateStore) -> None:
        self._ports = ports
        self._store = store
        self._look_at_s = -math.inf
        self.identity: NodeIdentity = ports.identity
        self.look(ports.clock.monotonic_s())
        if store.state.fingerprint is None:
            self.accept()

    @property
    def change(self) -> str | None:
        """What changed, in words; None while it is the node that was agreed to."""
        before = self._store.state.fingerprint
        if before is None or before == self.identity.fingerprint:
            return None
        known = dict(self._store.state.facts)
        told = [
            f"{name} is {now}, was {known.get(name, 'unknown')}"
            for name, now in self.identity.facts
            if known.get(name) != now
        ]
        return "; ".join(told) or "its fingerprint"

    @property
    def health(self) -> tuple[str, ...]:
        """A line where the node changed."""
        change = self.change
        if change is None:
            return ()
        return (
            f"this node changed ({change}): its jobs are in recommend until someone says "
            "joulepilot-node resume",
        )

    def look(self, at_s: float) -> None:
        """Read again what the node is, when it is due."""
        if at_s < self._look_at_s:
            return
        self._look_at_s = at_s + LOOK_EVERY_S
        before, self.identity = self.identity, self._read()
        if self.identity.fingerprint != before.fingerprint:
            log.warning("this node changed: %s", self.change)

    def changed_by_us(self) -> None:
        """Look at once, and agree to what is new, where the node was agreed to before."""
        was_agreed = self.change is None
        self.identity = self._read()
        if was_agreed:
            self.accept()

    def _read(self) -> NodeIdentity:
        read = self._ports.read_identity
        return self._ports.identity if read is None else read()

    def accept(self) -> None:
        """Agree to the node as it is now."""
        self._store.change(fingerprint=self.identity.fingerprint, facts=dict(self.identity.facts))
