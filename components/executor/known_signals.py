"""What a joule costs, now and later, by the signals the administrator names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.planning.signals import Quantity

if TYPE_CHECKING:
    from components.planning.administrator import Administration
    from components.planning.signal_plan import SignalPlan
    from components.planning.signal_source import FileSignal, HttpSignal

JOULES_PER_KWH = 3.6e6


class KnownSignals:
    """Follows the sources of an administrator file; one that says nothing counts for nothing."""

    def __init__(self) -> None:
        self._sources: dict[Quantity, tuple[SignalPlan, FileSignal | HttpSignal]] = {}

    @property
    def health(self) -> tuple[str, ...]:
        """One line per source that is not to be used, and why."""
        return tuple(source.note for _, source in self._sources.values() if source.note)

    def follow(self, says: Administration) -> None:
        """Keep to the sources that are named now."""
        for quantity in self._sources.keys() - says.signals.keys():
            del self._sources[quantity]
        for quantity, plan in says.signals.items():
            known = self._sources.get(quantity)
            if known is None or known[0] != plan:
                self._sources[quantity] = (plan, plan.open(quantity))

    def joule_cost(self, says: Administration, at_s: float, now_s: float) -> float:
        """What a joule spent at a time counts, by what is known now; seconds since the epoch."""
        weighed = {Quantity.CARBON: says.weights.carbon, Quantity.PRICE: says.weights.cost}
        cost = says.weights.energy
        for quantity, weight in weighed.items():
            per_kwh = self._expected(quantity, at_s, now_s) if weight else None
            if per_kwh is not None:
                cost += weight * per_kwh / JOULES_PER_KWH
        return cost

    def _expected(self, quantity: Quantity, at_s: float, now_s: float) -> float | None:
        known = self._sources.get(quantity)
        signal = None if known is None else known[1].current(now_s)
        return None if signal is None else signal.forecast(at_s, now_s)
