"""What goes wrong in a soak: everything a made-up node can do to its executor, at random."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.madeup.job import MadeUpJob
from components.madeup.node import job_labels
from components.madeup.reference_node import ReferenceResponse

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from components.executor.loop import Executor
    from components.madeup.node import MadeUpNode

JOB = "resnet"
_GUEST = "guest"
_RATES_PER_S = (20.0, 70.0)
_PLAIN_RATE_PER_S = 50.0


class Faults:
    """Draws faults, and takes all of them back in the end."""

    def __init__(self, node: MadeUpNode, executor: Executor, rng: np.random.Generator) -> None:
        self._node = node
        self._executor = executor
        self._rng = rng
        self._is_guest_there = False
        self._kinds: tuple[Callable[[], None], ...] = (
            self._engine,
            self._page,
            self._meter,
            lambda: node.set_rate(JOB, float(rng.uniform(*_RATES_PER_S))),
            lambda: node.restart(JOB),
            lambda: node.disturb({int(cpu): 1.0 for cpu in rng.choice(128, 8)}),
            lambda: node.disturb({}),
            lambda: node.take_offline(frozenset(int(cpu) for cpu in rng.choice(128, 16))),
            lambda: node.bring_online(node.topology.ids),
            self._pause,
            self._guest,
        )

    def strike(self) -> None:
        """Let one thing go wrong, or right again."""
        self._kinds[int(self._rng.integers(len(self._kinds)))]()

    def end(self) -> None:
        """Let all be well again."""
        node = self._node
        node.host.is_away = node.power_meter.is_silent = False
        node.silence(JOB, silent=False)
        node.bring_online(node.topology.ids)
        node.disturb({})
        node.set_rate(JOB, _PLAIN_RATE_PER_S)
        self._executor.store.change(paused=False)
        if self._is_guest_there:
            self._guest()

    def _engine(self) -> None:
        self._node.host.is_away = not self._node.host.is_away

    def _page(self) -> None:
        self._node.silence(JOB, silent=bool(self._rng.integers(2)))

    def _meter(self) -> None:
        self._node.power_meter.is_silent = not self._node.power_meter.is_silent

    def _pause(self) -> None:
        store = self._executor.store
        store.change(paused=not store.state.paused)

    def _guest(self) -> None:
        """Another container comes, or goes."""
        self._is_guest_there = not self._is_guest_there
        if not self._is_guest_there:
            self._node.kill(_GUEST)
            return
        labels = {**job_labels(50.0, model=_GUEST), "joulepilot.mode": "recommend"}
        self._node.start(
            MadeUpJob(name=_GUEST, response=ReferenceResponse(), rate_per_s=20.0, labels=labels)
        )
