"""The ports of a made-up node: the same executor, another world."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.executor.errors import ExecutorSettingsError
from components.executor.ports import NodePorts
from components.madeup.node import reference_node
from components.node.fingerprint import read_identity

if TYPE_CHECKING:
    from pathlib import Path

    from components.madeup.node import MadeUpNode


def madeup_node(kind: str, name: str, home: Path, seed: int) -> NodePorts:
    """Make a node up; its files lie under `HOME/madeup`.

    Raises:
        ExecutorSettingsError: there is none of that kind.
    """
    if kind != "madeup:reference":
        raise ExecutorSettingsError(
            f"asked for the host {kind!r}",
            "the made-up node there is, is the reference node",
            "say madeup:reference",
        )
    return ports_of(reference_node(home / "madeup", seed=seed), name)


def ports_of(node: MadeUpNode, name: str) -> NodePorts:
    """What an executor sees of a made-up node."""
    return NodePorts(
        name=name,
        clock=node.clock,
        host=node.host,
        cpu_times=node.cpu_times,
        power=node.power_meter,
        latency_source=node.latency_source,
        topology=node.topology,
        identity=read_identity(node.topology, node.sysfs, node.proc),
        origin=node.origin,
    )
