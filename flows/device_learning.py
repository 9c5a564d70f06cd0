"""From a table of measured devices to a judged and registered device classifier."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from components.policy.device_bundle import load_device_classifier
from components.policy.device_manifest import DEVICE_CLASSIFIER
from components.policy.manifest import ANY_NODE
from components.registry.facts import TableData, TrainingFacts
from components.registry.mlflow_registry import Registry
from components.releases.gate import ChallengerFacts, judge
from components.releases.gate_file import gate_settings
from components.releases.source import BUNDLES
from components.releases.store import BundleStore
from flows.device_figures import device_figures
from flows.device_tables import TABLES
from flows.errors import NoTableError
from flows.learning import one_training
from flows.releasing import device_champion_folder
from flows.verdicts import keep_verdict
from models.code_version import git_commit
from models.device_classifier.bundling import Origins, accounting_of, bundle_devices
from models.device_classifier.bundling_scores import (
    cases_of,
    figures,
    score_classifier,
    score_static,
    without_held_out,
)
from models.device_classifier.table_file import read_table
from models.device_classifier.training import train

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from components.policy.device_bundle import DeviceClassifier
    from components.registry.facts import RegisteredVersion
    from components.releases.scores import Scores
    from components.releases.strict_json import Scalar
    from components.releases.verdict import Verdict
    from components.settings.settings import Settings
    from models.device_classifier.bundling_scores import DeviceCases
    from models.device_classifier.table import DeviceTable

    Progress = Callable[[int, int, str], None]

CHALLENGER, CHAMPION, STATIC = "challenger", "champion", "best-static-device"
REFERENCE = "the best static device"
SIMULATED = "simulated-host"
"""A node class that no real node has."""


@dataclass(frozen=True, slots=True)
class DeviceChallenger:
    """A trained device classifier, what it learned from, how it did, and what the gate said."""

    version: RegisteredVersion
    version_url: str
    table: str
    scores: Mapping[str, Scores]
    """By role: challenger, champion where there is one, best-static-device."""
    verdict: Verdict

    @property
    def evidence(self) -> Mapping[str, Scalar]:
        """What a release of it is kept with."""
        return {"table": self.table}


def train_device_challenger(
    settings: Settings,
    *,
    table: Path | None = None,
    node_classes: tuple[str, ...] = (ANY_NODE,),
    seed: int = 0,
    progress: Progress | None = None,
    wait_s: float = 0.0,
) -> DeviceChallenger:
    """Train on all folds of a table but one, judge on that one, register and keep the result.

    Args:
        settings: of the home and its servers.
        table: a device table; None: the newest of the home.
        node_classes: that it is made for; `*`: those that the table names.
        seed: of all that is drawn.
        progress: told (done, total, what).
        wait_s: how long another training in this home may take to end.

    Raises:
        BusyError: another process trains in this home, for longer than that.
        NoTableError: there is no table.
        DeviceTableError: the table is not what it says it is, or too small.
        RegistryError: MLflow is away.
    """
    with one_training(settings.home, wait_s), tempfile.TemporaryDirectory() as scratch:
        path = table or newest_table(settings.home)
        measured = read_table(path)
        registry = Registry(settings.mlflow_url)
        cases = cases_of(measured)
        trained = train(without_held_out(measured), seed=seed, progress=progress or _silent)
        out = Path(scratch) / "bundle"
        origins = Origins(
            table=measured.name,
            accounting=accounting_of(measured.facts),
            node_classes=classes_of(measured, node_classes),
            evaluation_set=cases.digest,
            metrics={},
        )
        scores = {CHALLENGER: score_classifier(bundle_devices(trained, out, origins), cases)}
        origins = replace(origins, metrics=figures(scores[CHALLENGER]))
        challenger = bundle_devices(trained, out, origins)
        scores |= _others(settings.home, cases)
        facts = replace(
            _facts(measured, scores, seed, settings.home),
            data=_data(path, measured),
            figures=device_figures(challenger, cases, scores, Path(scratch)),
            bundle_digest=challenger.digest,
        )
        version = registry.register(out, registry.log_training(facts))
        BundleStore(settings.home / BUNDLES).add(out)
        verdict = _judged(settings.home, out, version.digest, scores)
        keep_verdict(settings.home, verdict)
        url = registry.version_url(version)
        return DeviceChallenger(version, url, measured.name, scores, verdict)


def classes_of(table: DeviceTable, asked: tuple[str, ...]) -> tuple[str, ...]:
    """Node classes that a classifier learned from a table may decide on.

    What was learned on one kind of node says nothing about another, and what was learned on a
    made-up host nothing about any real one.
    """
    named = table.facts.get("node_class")
    if asked != (ANY_NODE,):
        return asked
    if isinstance(named, str):
        return (named,)
    return (SIMULATED,) if table.facts.get("source") == "simulated" else (ANY_NODE,)


def newest_table(home: Path) -> Path:
    """The newest device table of a home.

    Raises:
        NoTableError: there is none.
    """
    tables = sorted((home / TABLES).glob("*.csv"), key=lambda path: path.stat().st_mtime)
    if not tables:
        raise NoTableError(
            "asked to train a device classifier",
            f"there is no table in {home / TABLES}",
            "measure one: joulepilot device characterise, or name one",
        )
    return tables[-1]


def _others(home: Path, cases: DeviceCases) -> dict[str, Scores]:
    """What the challenger is compared with; without a champion the best static device is it."""
    folder = device_champion_folder(home)
    static = score_static(cases)
    champion = None if folder is None else load_device_classifier(folder)
    if champion is None or not _knows(champion, cases.table):
        return {STATIC: static}
    return {CHAMPION: score_classifier(champion, cases), STATIC: static}


def _knows(champion: DeviceClassifier, table: DeviceTable) -> bool:
    """Whether a champion speaks of the devices of a table, by features that the table has."""
    facts = champion.brain.facts
    return set(facts.feature_names) <= set(table.feature_names) and set(facts.device_names) <= set(
        table.devices
    )


def _judged(home: Path, out: Path, digest: str, scores: Mapping[str, Scores]) -> Verdict:
    return judge(
        scores[CHALLENGER],
        scores.get(CHAMPION, scores[STATIC]),
        scores[STATIC],
        ChallengerFacts(
            digest=digest,
            data_checked=True,  # `read_table` refuses a table with anything that cannot be
            lake_version=None,
            n_overlapping_rows=0,  # whole groups are held out
            bundle_bytes=sum(path.stat().st_size for path in out.iterdir()),
            bundle_problem=None,  # `bundle_devices` checked it by the node's own check
        ),
        gate_settings(home),
        reference=REFERENCE,
        cost="energy",
    )


def _data(path: Path, table: DeviceTable) -> TableData:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return TableData(path.stem, digest, len(table.rows), _source(table))


def _source(table: DeviceTable) -> str:
    return str(table.facts.get("source", "recorded"))


def _facts(
    table: DeviceTable, scores: Mapping[str, Scores], seed: int, home: Path
) -> TrainingFacts:
    champion = device_champion_folder(home)
    return TrainingFacts(
        name=f"device classifier on {table.name}",
        policy=DEVICE_CLASSIFIER,
        evaluation_set=scores[CHALLENGER].evaluation_set,
        git_commit=git_commit(),
        params={
            "seed": seed,
            "table": table.name,
            "n_rows": len(table.rows),
            "devices": " ".join(table.devices),
            "source": _source(table),
        },
        results={
            f"{role}/{name}": value
            for role, of in scores.items()
            for name, value in figures(of).items()
        },
        scores=scores,
        champion_digest=None if champion is None else champion.name,
    )


def _silent(done: int, total: int, text: str) -> None:
    """Tell nobody."""
