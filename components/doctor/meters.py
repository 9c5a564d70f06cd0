"""Power meters: each is opened, and read twice to see that it counts."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from components.doctor.finding import Finding, advice, ok
from components.errors import JoulepilotError
from components.telemetry.power_order import open_meter

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

COUNTING_S = 0.3
"""The kernel updates counters every few milliseconds; the platform's may take a quarter second."""


def check_meters(powercap: Path, order: Sequence[str]) -> Iterator[Finding]:
    """Try every meter by itself, then say which will be read."""
    in_force = None
    for name in order:
        wrong = _try(name, powercap)
        if wrong is None:
            in_force = in_force or name
            yield ok(f"meter {name}", "counts")
        else:
            yield advice(f"meter {name}", wrong.found, wrong.remedy)
    if in_force is None:
        yield advice(
            "power",
            "no meter counts: power is modelled from CPU use and labelled so",
            "good for comparing allocations of one node, not for a bill; mend one of the above",
        )
    else:
        yield ok("power", f"read by {in_force}")


def _try(name: str, powercap: Path) -> JoulepilotError | None:
    try:
        meter = open_meter(name, powercap)
        before_j = meter.energy_j()
        time.sleep(COUNTING_S)
        if meter.energy_j() > before_j:
            return None
    except JoulepilotError as error:
        return error
    return JoulepilotError(
        f"asked {name}",
        f"it stands still (no joule in {COUNTING_S} s)",
        "see whether this is a virtual machine; leave it out of --power",
    )
