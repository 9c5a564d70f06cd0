"""What a person sees of a run in Prefect: tables, a progress bar, links."""

from __future__ import annotations

import base64
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

from prefect.artifacts import (
    create_image_artifact,
    create_link_artifact,
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)

from components.registry.facts import summary
from components.registry.figures import regret_figure
from components.releases.history import described
from data_checks.report import summary_markdown
from flows.savings import NODE_COLUMNS, node_lines, violation_sentence
from models.device_classifier.bundling_scores import figures

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from uuid import UUID

    from components.lake.ingest import IngestReport
    from components.releases.operations import Outcome
    from components.releases.verdict import Verdict
    from data_checks.report import CheckReport
    from flows.device_learning import DeviceChallenger
    from flows.learning import Challenger
    from flows.sweeping import SweepResult
    from models.savings.report import SavingsReport

UPDATE_EVERY_S = 1.0


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int, str], None]]:
    """Show how far long work is; gives the function to tell it with."""
    artifact = cast("UUID", create_progress_artifact(0.0, key=f"{what}-progress", description=what))
    last_s = 0.0

    def tell(done: int, total: int, text: str) -> None:
        nonlocal last_s
        if time.monotonic() - last_s >= UPDATE_EVERY_S:
            last_s = time.monotonic()
            update_progress_artifact(
                artifact, 100.0 * done / max(total, 1), description=f"{what}: {text}"
            )

    yield tell
    update_progress_artifact(artifact, 100.0, description=f"{what}: done")


def sweep(result: SweepResult) -> None:
    """Show what was tried, by node."""
    rows = [{"node": name, "allocations tried": n} for name, n in result.points.items()]
    create_table_artifact(rows, key="sweep", description=f"Sweep of entry {result.sequence}")


def ingest(report: IngestReport) -> None:
    """Show how many bodies and rows moved."""
    rows = [
        {"what": "bodies", "count": report.n_bodies},
        {"what": "events", "count": report.n_events},
        {"what": "new rows", "count": report.n_rows},
        {"what": "of these not readable", "count": report.n_undecodable},
        {"what": "duplicates left out", "count": report.n_duplicates},
    ]
    version = "none" if report.lake_version is None else str(report.lake_version)
    create_table_artifact(rows, key="ingest", description=f"Table `raw`, version {version}")


def check(report: CheckReport) -> None:
    """Show what passed and what did not, and why."""
    create_markdown_artifact(summary_markdown(report), key="check")


def challenger(result: Challenger) -> None:
    """Show scores side by side, the gate's rules, and the link to MLflow."""
    figures = {role: summary(scores) for role, scores in result.scores.items()}
    names = sorted({name for row in figures.values() for name in row})
    rows = [
        {"figure": name}
        | {role: f"{row[name]:.4g}" for role, row in figures.items() if name in row}
        for name in names
    ]
    create_table_artifact(
        rows, key="scores", description=f"On evaluation set {_evaluation_set(result)}"
    )
    gate(result.verdict)
    create_image_artifact(
        _regret_plot(result), key="regret", description="Regret in power over all cases"
    )
    create_link_artifact(
        result.version_url, link_text=f"version {result.version.version} in MLflow", key="version"
    )


def gate(verdict: Verdict) -> None:
    """Show every rule of the gate."""
    create_markdown_artifact(verdict_markdown(verdict), key="gate")


def device_challenger(result: DeviceChallenger) -> None:
    """Show how a device classifier did, the gate's rules, and the link to MLflow."""
    rows = [{"who chooses": role} | figures(scores) for role, scores in result.scores.items()]
    create_table_artifact(rows, key="device-scores", description=f"Table {result.table}")
    create_markdown_artifact(verdict_markdown(result.verdict), key="device-gate")
    create_link_artifact(
        result.version_url,
        link_text=f"version {result.version.version} in MLflow",
        key="device-version",
    )


def release(outcome: Outcome) -> None:
    """Show what is in force now."""
    entry = outcome.release
    rows = [
        {"what": "release", "value": str(entry.sequence)},
        {"what": "kind", "value": str(entry.kind)},
        {"what": "where", "value": described(entry)},
        {"what": "why", "value": entry.why},
        {"what": "outcome", "value": outcome.sentence},
    ]
    create_table_artifact(rows, key="release", description="What the release log says now")


def savings(report: SavingsReport) -> None:
    """Show what was saved, node by node."""
    rows = [dict(zip(NODE_COLUMNS, line, strict=True)) for line in node_lines(report)]
    text = f"{report.sentence}; {violation_sentence(report)}"
    create_table_artifact(rows, key="savings", description=text)


def verdict_markdown(verdict: Verdict) -> str:
    """Every rule of the gate with what it found and what it needs."""
    lines = [
        f"### Gate: {'passed' if verdict.passed else 'not passed'} ({verdict.digest[:12]})",
        "",
        "| rule | passed | found | needed |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {rule.name} | {'yes' if rule.passed else '**no**'} | {rule.found} | {rule.needed} |"
        for rule in verdict.rules
    ]
    return "\n".join(lines)


def _regret_plot(result: Challenger) -> str:
    """A PNG as a data URL: Prefect keeps addresses of images, not images."""
    regrets = {role: [case.regret for case in of.cases] for role, of in result.scores.items()}
    with tempfile.TemporaryDirectory() as folder:
        image = regret_figure(Path(folder) / "regret.png", regrets).read_bytes()
    return f"data:image/png;base64,{base64.b64encode(image).decode()}"


def _evaluation_set(result: Challenger) -> str:
    return result.scores["challenger"].evaluation_set[:12]
