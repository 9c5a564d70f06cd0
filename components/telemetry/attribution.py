"""A job's share of the node's power, by CPU time; what the node draws idle belongs to nobody."""

from __future__ import annotations


def attributed_power_w(
    node_power_w: float, idle_w: float, own_cpu_s: float, busy_cpu_s: float
) -> float | None:
    """Watts above idle that a job stands for.

    Args:
        node_power_w: mean of the node over a window.
        idle_w: of the node.
        own_cpu_s: CPU seconds of the job in the window.
        busy_cpu_s: CPU seconds of all CPUs in it.

    Returns:
        None where nothing was busy, so that there is nothing to share by. Never negative: a node
        below what is held for its idle power gives every job 0 W above it.
    """
    if busy_cpu_s <= 0 or own_cpu_s < 0:
        return None
    share = min(own_cpu_s / busy_cpu_s, 1.0)
    return max(node_power_w - idle_w, 0.0) * share
