"""`joulepilot lineage`: from a version to the data, the champion and the releases around it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from components.hub.client import nodes_of
from components.hub.errors import HubAwayError
from components.registry.mlflow_registry import Registry
from components.releases.log import ReleaseLog
from components.releases.source import RELEASES
from flows.cli.printing import print_verdict
from flows.errors import NotJudgedError
from flows.releasing import find_version
from flows.verdicts import kept_verdict

if TYPE_CHECKING:
    import argparse

    from components.registry.facts import Lineage
    from components.releases.entry import Release
    from components.releases.verdict import Verdict
    from components.settings.settings import Resolved, Settings

SHORT = 12


def run(arguments: argparse.Namespace, resolved: Resolved) -> int:
    """Show the chain of a version; what is not known is said to be so."""
    settings = resolved.settings
    version = find_version(settings, arguments.version)
    lineage = Registry(settings.mlflow_url).lineage(version.digest, version.policy)
    verdict = _verdict(settings, version.digest)
    entries = [
        entry
        for entry in ReleaseLog(settings.home / RELEASES).entries()
        if version.digest in entry.desired.digests
    ]
    nodes = _running(settings, version.digest)
    if arguments.json:
        print(json.dumps(_facts(lineage, verdict, entries, nodes)))
        return 0
    print(f"version {version.version} of {version.policy}, bundle {version.digest[:SHORT]}")
    print(f"  trained by   {lineage.run_name or 'nobody here: it was shipped'}")
    print(f"  learned from {'; '.join(lineage.inputs) or 'made-up nodes only'}")
    print(f"  code         {version.git_commit}")
    print(f"  started from {(lineage.champion_digest or 'scratch')[:SHORT]}")
    print(f"  scored on    {(lineage.scored_on or 'nothing')[:SHORT]}")
    for entry in entries:
        print(f"  release {entry.sequence:<4} {entry.kind} by {entry.who}: {entry.why}")
    print(f"  runs on      {'a hub that is away cannot say' if nodes is None else _list(nodes)}")
    if verdict is not None:
        print_verdict(verdict)
    return 0


def _verdict(settings: Settings, digest: str) -> Verdict | None:
    try:
        return kept_verdict(settings.home, digest)
    except NotJudgedError:
        return None


def _running(settings: Settings, digest: str) -> list[str] | None:
    try:
        states = nodes_of(settings)
    except HubAwayError:
        return None
    return [s.heartbeat.node for s in states if s.heartbeat.policy_digest == digest]


def _list(nodes: list[str]) -> str:
    return ", ".join(nodes) or "no node"


def _facts(
    lineage: Lineage, verdict: Verdict | None, entries: list[Release], nodes: list[str] | None
) -> dict[str, object]:
    return {
        "version": lineage.version.version,
        "policy": lineage.version.policy,
        "digest": lineage.version.digest,
        "run": lineage.run_name,
        "learned_from": list(lineage.inputs),
        "git_commit": lineage.version.git_commit,
        "started_from": lineage.champion_digest,
        "scored_on": lineage.scored_on,
        "releases": [entry.sequence for entry in entries],
        "nodes": nodes,
        "verdict": None if verdict is None else verdict.to_dict(),
    }
