"""The ports of a made-up node: the same executor, another world."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from components.executor.errors import ExecutorSettingsError
from components.executor.ports import NodePorts
from components.madeup.devices.node import device_node
from components.madeup.freezer import MadeUpFreezer
from components.madeup.node import reference_node
from components.madeup.offered_rate import following_offers
from components.node.fingerprint import read_identity

if TYPE_CHECKING:
    from pathlib import Path

    from components.madeup.node import MadeUpNode


def madeup_node(kind: str, name: str, home: Path, seed: int) -> NodePorts:
    """Make a node up; its files lie under `HOME/madeup`.

    Raises:
        ExecutorSettingsError: there is none of that kind.
    """
    if kind == "madeup:devices":
        node = device_node(home / "madeup", seed=seed)
        return replace(ports_of(node, name), served_devices=node.served_devices)
    if kind != "madeup:reference":
        raise ExecutorSettingsError(
            f"asked for the host {kind!r}",
            "there are the made-up reference node and one with three devices",
            "say madeup:reference or madeup:devices",
        )
    reference = reference_node(home / "madeup", seed=seed)
    offered = following_offers(reference, home / "madeup")
    return replace(ports_of(reference, name), latency_source=offered)


def ports_of(node: MadeUpNode, name: str) -> NodePorts:
    """What an executor sees of a made-up node."""
    return NodePorts(
        name=name,
        clock=node.clock,
        host=node.host,
        freezer=MadeUpFreezer(node),
        sysfs=node.sysfs,
        cpu_times=node.cpu_times,
        power=node.power_meter,
        latency_source=node.latency_source,
        topology=node.topology,
        identity=read_identity(node.topology, node.sysfs, node.proc),
        origin=node.origin,
        read_identity=partial(read_identity, node.topology, node.sysfs, node.proc),
    )
