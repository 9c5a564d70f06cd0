"""Whole nodes and models that are judged on and never learned from.

Windows of one node, or of one model, are alike: what was learned from some of them says little
about others of the same. So beside the last third in time of every surface, one node in five and
one model in five are held out altogether, where there are five. Which ones changes with the salt.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from models.allocator.surfaces import merge_points

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.allocator.surfaces import Surface

ONE_IN = 5


def hold_out(surfaces: Sequence[Surface], salt: int = 0) -> tuple[Surface, ...]:
    """Turn surfaces of held-out nodes and models into ones that are only judged on.

    Args:
        surfaces: compiled ones, in any order.
        salt: the same salt holds out the same; the lake's version, say.
    """
    nodes = _drawn({surface.node for surface in surfaces}, salt)
    models = _drawn({surface.model for surface in surfaces}, salt)
    return tuple(
        judged_only(surface) if surface.node in nodes or surface.model in models else surface
        for surface in surfaces
    )


def judged_only(surface: Surface) -> Surface:
    """Hold out all points of a surface."""
    rows = surface.learned_rows | surface.validation_rows | surface.held_out_rows
    return replace(
        surface,
        points=(),
        validation=(),
        held_out=merge_points((*surface.points, *surface.validation, *surface.held_out)),
        learned_rows=frozenset(),
        validation_rows=frozenset(),
        held_out_rows=rows,
    )


def _drawn(names: set[str], salt: int) -> frozenset[str]:
    """One in five of the names, by a hash that does not depend on the others."""
    ordered = sorted(names, key=lambda name: hashlib.sha256(f"{salt} {name}".encode()).digest())
    return frozenset(ordered[: len(ordered) // ONE_IN])
