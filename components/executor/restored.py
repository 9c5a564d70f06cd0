"""A report of restoring, for JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.node.cpuset import format_cpu_list

if TYPE_CHECKING:
    from components.actuation.journal import RestoreReport
    from components.executor.wire import Plain


def restored_to_plain(report: RestoreReport, *, paused: bool) -> Plain:
    """Lay out what became of every original."""
    return {
        "complete": report.complete,
        "paused": paused,
        "containers": [
            {
                "name": one.original.name,
                "outcome": one.outcome.value,
                "cpuset": None if one.cpus is None else format_cpu_list(one.cpus),
                "reason": one.reason,
            }
            for one in report.containers
        ],
    }
