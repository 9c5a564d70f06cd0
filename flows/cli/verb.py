"""What a verb of `joulepilot` is, and the arguments that several of them take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument, as argparse takes it."""

    names: tuple[str, ...]
    options: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb: something to do, or a group of verbs of its own.

    `handler` is `module:function`, imported when the verb is used; empty for a group.
    """

    name: str
    help: str
    handler: str = ""
    arguments: tuple[Argument, ...] = ()
    verbs: tuple[Verb, ...] = ()


def argument(*names: str, **options: Any) -> Argument:
    """Write an argument the way argparse users do."""
    return Argument(names, options)


WHY = argument("--why", required=True, help="the reason, kept in the release log")
NO_WAIT = argument(
    "--no-wait", action="store_true", help="do not wait until the nodes follow (else exit code 4)"
)
CHANGING = (
    argument("--dry-run", action="store_true", help="show what would change where, and end"),
    argument("--yes", action="store_true", help="do not ask (without a terminal: required)"),
    NO_WAIT,
)
BUNDLE = argument(
    "--bundle",
    metavar="FOLDER_OR_DIGEST",
    help="a bundle's folder, or letters of a kept one's digest; else the shipped one",
)
POLICY = argument(
    "--policy",
    choices=("core-allocator", "device-classifier"),
    default="core-allocator",
    help="which policy is meant (%(default)s)",
)
VERSION = "a version number of the registry, or the first letters of a bundle's digest"
