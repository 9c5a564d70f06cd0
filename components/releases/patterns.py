"""Nodes named by shell patterns: `*`, `gpu-*`, `node-07`."""

from __future__ import annotations

from fnmatch import fnmatchcase

from components.releases.errors import EntryError


def matches(node: str, patterns: tuple[str, ...]) -> bool:
    """Whether a node's name fits one of the shell patterns."""
    return any(fnmatchcase(node, pattern) for pattern in patterns)


def check_patterns(patterns: tuple[str, ...], what: str) -> None:
    """Refuse a selection that names no node.

    Raises:
        EntryError: there is no pattern, or one is blank.
    """
    if not patterns or not all(pattern.strip() for pattern in patterns):
        raise EntryError(
            f"{what} for the nodes {list(patterns)}",
            "nodes are named by at least one shell pattern, none of them blank",
            'give names or patterns, like ["*"]',
        )
