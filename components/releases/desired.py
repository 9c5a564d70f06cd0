"""The desired state: which policy each node shall run, how far it may go, and who is paused."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.jobs.job import Mode
from components.policy.manifest import CORE_ALLOCATOR
from components.releases.errors import EntryError
from components.releases.patterns import check_patterns, matches
from components.releases.strict_json import Fields

if TYPE_CHECKING:
    from collections.abc import Mapping

ALL_NODES = ("*",)
_DIGEST = re.compile(r"[0-9a-f]{64}")


def is_digest(text: str) -> bool:
    """Whether a text is a SHA-256 in lower-case hexadecimal."""
    return _DIGEST.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Ring:
    """Nodes by shell patterns of their names, and the bundle digest of each policy they run."""

    nodes: tuple[str, ...]
    policies: Mapping[str, str]

    def __post_init__(self) -> None:
        check_patterns(self.nodes, "a ring")
        for policy, digest in self.policies.items():
            if not policy.strip() or not is_digest(digest):
                raise EntryError(
                    f"a ring with policy {policy!r} from bundle {digest!r}",
                    "a policy has a name, and a bundle's digest is 64 hexadecimal digits",
                    "give the digest that BundleStore.add returned",
                )


@dataclass(frozen=True, slots=True)
class Desired:
    """What every node shall do from now; the first ring that fits a node is the one it is in."""

    rings: tuple[Ring, ...]
    mode_allowed: Mode = Mode.AUTO
    """No job goes further than this, whatever its own mode says."""
    paused_nodes: tuple[str, ...] = ()
    """Shell patterns of nodes that shall hold what is in force and change nothing."""

    def __post_init__(self) -> None:
        if not self.rings or self.rings[-1].nodes != ALL_NODES:
            raise EntryError(
                "a desired state",
                "its last ring does not hold for every node",
                'end it with a ring for ["*"]',
            )

    def policies_for(self, node: str) -> Mapping[str, str]:
        """Bundle digest of each policy this node shall run."""
        return next(ring.policies for ring in self.rings if matches(node, ring.nodes))

    def digest_for(self, node: str, policy: str = CORE_ALLOCATOR) -> str | None:
        """Bundle digest of one policy on this node; None: it shall not run it."""
        return self.policies_for(node).get(policy)

    def champion_for(self, node: str, policy: str = CORE_ALLOCATOR) -> str | None:
        """What a canary on this node is compared with: what all nodes run that are in no ring.

        On a node of no canary it is what it runs.
        """
        return self.rings[-1].policies.get(policy) or self.digest_for(node, policy)

    def is_paused(self, node: str) -> bool:
        """Whether this node shall change nothing."""
        return matches(node, self.paused_nodes)

    @property
    def digests(self) -> frozenset[str]:
        """Every bundle that some node shall run."""
        return frozenset(digest for ring in self.rings for digest in ring.policies.values())

    def to_dict(self) -> dict[str, object]:
        """Lay out for JSON."""
        return {
            "rings": [
                {"nodes": list(ring.nodes), "policies": dict(ring.policies)} for ring in self.rings
            ],
            "mode_allowed": self.mode_allowed.value,
            "paused_nodes": list(self.paused_nodes),
        }

    @classmethod
    def from_object(cls, value: object, where: str) -> Desired:
        """Read strictly.

        Raises:
            EntryError: a key is unknown, missing or of another type, or a value cannot be.
        """
        fields = Fields(value, where)
        desired = cls(
            rings=tuple(
                _ring_from(ring, f"{where}, ring {number}")
                for number, ring in enumerate(fields.items("rings"), start=1)
            ),
            mode_allowed=_mode_from(fields.text("mode_allowed"), where),
            paused_nodes=fields.texts("paused_nodes"),
        )
        fields.close()
        return desired


def _ring_from(value: object, where: str) -> Ring:
    fields = Fields(value, where)
    policies = fields.scalars("policies")
    ring = Ring(fields.texts("nodes"), {name: str(digest) for name, digest in policies.items()})
    fields.close()
    return ring


def _mode_from(text: str, where: str) -> Mode:
    try:
        return Mode(text)
    except ValueError as error:
        raise EntryError(
            f"read {where}",
            f"mode_allowed is {text!r}",
            f"give one of {', '.join(mode.value for mode in Mode)}",
        ) from error
