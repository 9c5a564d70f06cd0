"""Which kind of node this is, and in which state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from components.node.topology import Topology


@dataclass(frozen=True, slots=True)
class NodeIdentity:
    """What samples of a node are filed under."""

    node_class: str
    """Readable and unique, like `amd-epyc-7502-2s64c128t-ab12cd34`."""
    fingerprint: str
    """Digest that also changes with kernel, governor, SMT state and drivers."""
    facts: tuple[tuple[str, str], ...] = ()
    """What went in, so that a change can be told in words."""


def read_identity(topology: Topology, sysfs: Path, proc: Path) -> NodeIdentity:
    """Read what identifies a node from sysfs and procfs (or made-up roots)."""
    raise NotImplementedError
