"""What runs where, for whoever is on call; nothing here changes it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from components.hub.client import nodes_of
from components.policy.manifest import CORE_ALLOCATOR
from components.releases.log import ReleaseLog
from components.releases.source import RELEASES
from flows.cli.printing import print_table
from flows.node_table import NODE_COLUMNS, following, node_rows
from flows.releasing import find_version

if TYPE_CHECKING:
    import argparse

    from components.registry.facts import RegisteredVersion
    from components.settings.settings import Resolved
    from flows.comparing import CaseDifference, Comparison

SHOWN = 10


def status(arguments: argparse.Namespace, resolved: Resolved) -> int:
    """Show nodes and jobs; 0 only when every node is heard of and follows the log."""
    settings = resolved.settings
    states = nodes_of(settings)
    latest = ReleaseLog(settings.home / RELEASES).latest()
    now = datetime.now(UTC)
    follow = following(states, latest, now)
    rows = [row for state in states for row in node_rows(state, now)]
    if arguments.json:
        facts = {
            "release": None if latest is None else latest.sequence,
            "following": follow.n_following,
            "nodes": len(states),
            "behind": list(follow.behind),
            "jobs": [dict(zip(NODE_COLUMNS, row, strict=True)) for row in rows],
        }
        print(json.dumps(facts))
    else:
        print_table(NODE_COLUMNS, rows)
        print(follow.sentence)
    return 0 if states and not follow.behind else 1


def policies(arguments: argparse.Namespace, resolved: Resolved) -> int:
    """List the versions of the registry."""
    from components.registry.mlflow_registry import Registry  # MLflow takes a second to import

    versions = Registry(resolved.settings.mlflow_url).versions(arguments.policy)
    if arguments.json:
        print(json.dumps([_facts(version) for version in versions]))
        return 0
    print_table(
        ("version", "digest", "is", "learned from", "release", "made (UTC)"),
        [
            (
                str(version.version),
                version.digest[:12],
                ", ".join(version.aliases) or "-",
                ("made-up nodes" if version.policy == CORE_ALLOCATOR else "a device table")
                if version.lake_version is None
                else f"samples v{version.lake_version}",
                "-" if version.release_sequence is None else str(version.release_sequence),
                f"{version.created:%Y-%m-%d %H:%M:%S}",
            )
            for version in versions
        ],
    )
    return 0


def compare(arguments: argparse.Namespace, resolved: Resolved) -> int:
    """Put the scores of two versions side by side.

    Raises:
        NotComparableError: they were scored on different evaluation sets.
    """
    from flows.comparing import compare_versions  # MLflow takes a second to import

    settings = resolved.settings
    first = find_version(settings, arguments.one, arguments.policy)
    second = find_version(settings, arguments.other, arguments.policy)
    comparison = compare_versions(settings, first, second, rescore=arguments.rescore)
    if arguments.json:
        print(json.dumps(_comparison_facts(comparison)))
        return 0
    print_table(
        ("figure", f"version {first.version}", f"version {second.version}"),
        [
            (name, *("-" if x is None else f"{x:.4g}" for x in pair))
            for name, pair in comparison.figures.items()
        ],
    )
    print(_differences(comparison, second.version))
    print_table(
        ("job and target", f"W of {first.version}", f"W of {second.version}", "saved", ""),
        [
            (
                row.case,
                *(f"{watts:.1f}" for watts in row.power_w),
                f"{row.saved_w:+.1f} W",
                _misses(row, first.version, second.version),
            )
            for row in comparison.differences[:SHOWN]
        ],
    )
    print(comparison.url)
    return 0


def _differences(comparison: Comparison, second: int) -> str:
    rows = comparison.differences
    total_w = sum(row.saved_w for row in rows)
    return (
        f"they decide differently on {len(rows)} of {comparison.n_cases} jobs and targets "
        f"(set {comparison.evaluation_set[:12]}); version {second} takes {-total_w:+.1f} W over "
        f"all of them" + (f"; the {SHOWN} largest:" if len(rows) > SHOWN else ":")
    )


def _misses(row: CaseDifference, first: int, second: int) -> str:
    missed = [
        str(number)
        for number, is_missed in zip((first, second), row.violated, strict=True)
        if is_missed
    ]
    return f"missed by {' and '.join(missed)}" if missed else ""


def _comparison_facts(comparison: Comparison) -> dict[str, object]:
    return {
        "figures": comparison.figures,
        "evaluation_set": comparison.evaluation_set,
        "n_cases": comparison.n_cases,
        "differences": [
            {
                "case": row.case,
                "first_w": row.power_w[0],
                "second_w": row.power_w[1],
                "first_missed": row.violated[0],
                "second_missed": row.violated[1],
            }
            for row in comparison.differences
        ],
        "url": comparison.url,
    }


def _facts(version: RegisteredVersion) -> dict[str, object]:
    return {
        "version": version.version,
        "digest": version.digest,
        "aliases": list(version.aliases),
        "lake_version": version.lake_version,
        "evaluation_set": version.evaluation_set,
        "git_commit": version.git_commit,
        "release": version.release_sequence,
        "created": version.created.isoformat(),
    }
