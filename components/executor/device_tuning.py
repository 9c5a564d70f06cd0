"""What a node tuned of its devices, shown to an operator, and forgotten when asked."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from components.executor.device_correction import NodeCorrection
    from components.executor.wire import Command, Plain


def tuning(correction: NodeCorrection, command: Command) -> Plain:
    """List what was learned; with `reset` forget it, all or that of a device or a network.

    Raises:
        CommandError: a device or network is no text.
    """
    n_forgotten = 0
    if command.flag("reset"):
        n_forgotten = correction.reset(
            target=command.optional_text("device"), job=command.optional_text("network")
        )
    estimates = [
        {
            "device": key.target,
            "network": key.job or None,
            "factor": math.exp(estimate.mean),
            "log_sigma": math.sqrt(estimate.variance),
            "n_observed": estimate.n_observed,
            "updated_s": estimate.updated_s,
        }
        for key, estimate in sorted(correction.correction.estimates.items())
    ]
    return {"forgotten": n_forgotten, "estimates": estimates}


def tuning_lines(result: Plain) -> str:
    """Lay out for people."""
    lines = [f"{result['forgotten']} estimates forgotten"] if result["forgotten"] else []
    for each in result["estimates"]:
        of = f"with {each['network']}" if each["network"] else "whatever runs"
        lines.append(
            f"{each['device']:<8} {of}: takes {each['factor']:.3f} times what was predicted "
            f"(± {each['log_sigma']:.0%}, {each['n_observed']} measurements)"
        )
    return "\n".join(lines or ["nothing was tuned yet"])
