"""What made-up devices do between batches: how clocks fall, and what resting costs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class IdleFacts:
    """A device between two batches.

    Attributes:
        idle_w: drawn at rest; part of what the idle host draws.
        lowest_share: clock at rest over its maximum; 1: the clock never falls.
        hold_s: after a batch the clock stays up for so long; `decay_s` is how fast it falls then
            (to 1/e of what is above the lowest).
        warm_w: drawn above rest while someone keeps the clock up on purpose.
        memory_mb: of its own, or of the host where it shares that.
        shares_memory: whether inputs need no copy.
    """

    idle_w: float
    lowest_share: float
    hold_s: float
    decay_s: float
    warm_w: float
    memory_mb: float
    shares_memory: bool

    def share_after(self, share: float, idle_s: float) -> float:
        """The clock after resting for `idle_s`, from `share` on."""
        falling_s = max(idle_s - self.hold_s, 0.0)
        if falling_s == 0.0 or self.lowest_share >= 1.0:
            return share
        above = max(share - self.lowest_share, 0.0)
        return self.lowest_share + above * math.exp(-falling_s / self.decay_s)


IDLE: Mapping[str, IdleFacts] = {
    "cpu": IdleFacts(9.0, 1.0, 0.0, 1.0, 0.0, 65_536.0, shares_memory=True),
    "igpu": IdleFacts(1.5, 1.0, 0.0, 1.0, 0.0, 65_536.0, shares_memory=True),
    "dgpu": IdleFacts(9.5, 0.14, 0.25, 1.5, 22.0, 49_152.0, shares_memory=False),
}
"""By kind of device."""
HOST_IDLE_W = 12.0 + sum(facts.idle_w for facts in IDLE.values())
"""The whole made-up host with nothing to do."""
