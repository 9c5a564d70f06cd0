"""One training as a run: parameters, curves, scores, figures, and the data it learned from."""

from __future__ import annotations

import json
import tempfile
import time
import uuid
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from components.registry.facts import LakeData, TableData, summary
from components.registry.mlflow_client import unless_there
from components.releases.scores import CaseScore, Scores

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlflow import MlflowClient
    from mlflow.entities import DatasetInput, Metric

    from components.registry.facts import TrainingFacts

_BATCH = 500
"""Metrics in a request; the API takes 1,000."""
_LONGEST_DIGEST = 36
"""Letters that MLflow keeps of a dataset's digest."""
CONTEXT, TRAINING = "mlflow.data.context", "training"
_ATTEMPT = "joulepilot.attempt"
"""Tag of a run: what it logs, so that it is found again when the server's answer was lost."""


def log_run(client: MlflowClient, facts: TrainingFacts) -> str:
    """Log a training and return the run's id; a run that could not be filled is marked failed.

    Where the server went away in the middle, asking again leaves one finished run of a bundle and
    none that says it is running.
    """
    experiment = experiment_id(client, facts.policy)
    attempt = facts.bundle_digest or uuid.uuid4().hex
    finished = _runs_of(client, experiment, attempt, "FINISHED")
    if finished:
        return finished[0]
    run = client.create_run(
        experiment, run_name=facts.name, tags=_tags(facts) | {_ATTEMPT: attempt}
    )
    run_id: str = run.info.run_id
    status = "FAILED"
    try:
        _fill(client, run_id, facts)
        status = "FINISHED"
    finally:
        client.set_terminated(run_id, status)
    for left_behind in _runs_of(client, experiment, attempt, "RUNNING"):
        client.set_terminated(left_behind, "FAILED")
    return run_id


def read_scores(client: MlflowClient, run_id: str, role: str) -> Scores | None:
    """The scores of one role case by case, as `log_run` kept them; None: it was not scored."""
    path = f"scores/{role}.json"
    if path not in {item.path for item in client.list_artifacts(run_id, "scores")}:
        return None
    with tempfile.TemporaryDirectory() as folder:
        content = json.loads(Path(client.download_artifacts(run_id, path, folder)).read_text())
    cases = tuple(CaseScore(**case) for case in content["cases"])
    return Scores(content["policy"], content["evaluation_set"], cases)


def experiment_id(client: MlflowClient, name: str) -> str:
    """The experiment that holds the runs of a policy, made when it is not there."""
    known = client.get_experiment_by_name(name)
    while known is None:
        unless_there(lambda: client.create_experiment(name))
        known = client.get_experiment_by_name(name)
    return str(known.experiment_id)


def _runs_of(client: MlflowClient, experiment: str, attempt: str, status: str) -> list[str]:
    """Ids of runs that log the same and are in a status, oldest first."""
    asked = f"tags.`{_ATTEMPT}` = '{attempt}' and attributes.status = '{status}'"
    found = client.search_runs([experiment], asked, order_by=["attributes.start_time ASC"])
    return [run.info.run_id for run in found]


def _fill(client: MlflowClient, run_id: str, facts: TrainingFacts) -> None:
    from mlflow.entities import Param

    metrics = _metrics(facts)
    params = [Param(key, str(value)) for key, value in facts.params.items()]
    client.log_batch(run_id, params=params)
    for start in range(0, len(metrics), _BATCH):
        client.log_batch(run_id, metrics=metrics[start : start + _BATCH])
    client.log_inputs(run_id, datasets=_datasets(facts))
    for figure in facts.figures:
        client.log_artifact(run_id, str(figure), "figures")
    for role, scores in facts.scores.items():
        client.log_dict(run_id, asdict(scores), f"scores/{role}.json")


def _metrics(facts: TrainingFacts) -> list[Metric]:
    from mlflow.entities import Metric

    now_ms = int(time.time() * 1000)
    singles = dict(facts.results)
    for role, scores in facts.scores.items():
        singles |= {f"{role}/{name}": value for name, value in summary(scores).items()}
    curves = [
        Metric(key, float(value), now_ms, step)
        for key, values in facts.curves.items()
        for step, value in enumerate(values)
    ]
    return [*curves, *(Metric(key, float(value), now_ms, 0) for key, value in singles.items())]


def _tags(facts: TrainingFacts) -> dict[str, str]:
    tags = {"evaluation_set": facts.evaluation_set, "mlflow.source.git.commit": facts.git_commit}
    if facts.champion_digest is not None:
        tags["champion_digest"] = facts.champion_digest
    if isinstance(facts.data, LakeData):
        tags["lake_version"] = str(facts.data.version)
    return tags | {"mlflow.note.content": _note(facts), "mlflow.source.name": "joulepilot"}


def _note(facts: TrainingFacts) -> str:
    """What a person reads first on the run's page."""
    match facts.data:
        case LakeData():
            learned = f"version {facts.data.version} of the lake's {facts.data.table}"
        case TableData():
            learned = f"the {facts.data.source} table `{facts.data.name}`"
        case None:
            learned = "made-up nodes only"
    parent = "" if facts.champion_digest is None else f" from bundle `{facts.champion_digest[:12]}`"
    roles = ", ".join(facts.scores) or "nobody"
    judged = f"Judged on evaluation set `{facts.evaluation_set[:12] or 'none'}`: {roles}."
    return f"Learned{parent} by {learned}, at commit `{facts.git_commit[:12]}`.\n\n{judged}"


def _datasets(facts: TrainingFacts) -> list[DatasetInput]:
    """What was learned from, and what was judged on."""
    found = [] if facts.data is None else [_learned_from(facts.data)]
    if facts.evaluation_set:
        sizes = [len(scores.cases) for scores in facts.scores.values()]
        found.append(
            _input(
                "evaluation",
                "evaluation set",
                facts.evaluation_set[:_LONGEST_DIGEST],
                "joulepilot",
                {"sha256": facts.evaluation_set},
                max(sizes, default=None),
            )
        )
    return found


def _learned_from(data: LakeData | TableData) -> DatasetInput:
    """Name the source's type ourselves: MLflow cannot tell it from a table's folder."""
    if isinstance(data, TableData):
        source = {"table": data.name, "sha256": data.sha256, "source": data.source}
        digest = data.sha256[:_LONGEST_DIGEST]
        return _input(TRAINING, data.name, digest, "device_table", source, data.n_rows)
    where = {"path": f"{data.folder}/{data.table}", "delta_table_version": data.version}
    return _input(TRAINING, data.table, f"v{data.version}", "delta_table", where, data.n_rows)


def _input(
    context: str,
    name: str,
    digest: str,
    source_type: str,
    source: Mapping[str, object],
    n_rows: int | None,
) -> DatasetInput:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    dataset = Dataset(
        name=name,
        digest=digest,
        source_type=source_type,
        source=json.dumps(source),
        profile=None if n_rows is None else json.dumps({"num_rows": n_rows}),
    )
    return DatasetInput(dataset, [InputTag(CONTEXT, context)])
