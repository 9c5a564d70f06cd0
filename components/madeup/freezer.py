"""What pauses containers on a made-up node."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from components.madeup.node import MadeUpNode

_HARDLY_ANY = 1e-9
"""Requests a second of a job that stands still; a rate is above 0."""


class MadeUpFreezer:
    """Implements `Freezer`: a paused job does hardly anything, and goes on where it was."""

    def __init__(self, node: MadeUpNode) -> None:
        self._node = node
        self._rates: dict[str, float] = {}

    def is_frozen(self, container_id: str) -> bool:
        """Whether it is paused."""
        self._node.host.effective_cpus(container_id)  # says if it is not there any more
        return container_id in self._rates

    def freeze(self, container_id: str) -> None:
        """Let it do nothing."""
        if not self.is_frozen(container_id):
            self._rates[container_id] = self._node.rate_of(container_id)
            self._node.set_rate(self._node.name_of(container_id), _HARDLY_ANY)

    def thaw(self, container_id: str) -> None:
        """Let it do what it did before."""
        if self.is_frozen(container_id):
            self._node.set_rate(self._node.name_of(container_id), self._rates.pop(container_id))
