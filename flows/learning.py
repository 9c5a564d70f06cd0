"""From checked samples to a judged and registered challenger."""

from __future__ import annotations

import fcntl
import logging
import shutil
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from components.lake.lake import Lake
from components.lake.schema import Table
from components.policy.bundle import check_bundle
from components.policy.errors import BundleError
from components.registry.facts import LakeData, TrainingFacts
from components.registry.mlflow_registry import Registry
from components.releases.gate import ChallengerFacts, judge
from components.releases.gate_file import gate_settings
from components.releases.source import BUNDLES
from components.releases.store import BundleStore
from flows.checked_lake import was_checked
from flows.errors import BusyError
from flows.known_topologies import known_topologies
from flows.releasing import champion_folder
from flows.training_figures import training_figures
from flows.verdicts import keep_verdict
from models.allocator.evaluation import evaluate, evaluate_all_cpus, evaluation_set
from models.allocator.live_split import hold_out
from models.allocator.recording_store import kept_recordings
from models.allocator.recording_surfaces import surfaces_of_recordings
from models.allocator.retrain import retrain
from models.allocator.surfaces import compile_surfaces, overlapping_rows
from models.code_version import git_commit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import IO

    from components.registry.facts import RegisteredVersion
    from components.releases.scores import Scores
    from components.releases.strict_json import Scalar
    from components.releases.verdict import Verdict
    from components.settings.settings import Settings
    from models.allocator.evaluation_set import EvaluationSet
    from models.allocator.retrain import TrainReport
    from models.allocator.surfaces import Surface

    Progress = Callable[[int, int, str], None]

logger = logging.getLogger(__name__)
ALL_CPUS = "all-cpus"
CHECKPOINTS = "training"
_POLL_S = 0.5


@dataclass(frozen=True, slots=True)
class Challenger:
    """A trained bundle, what it learned from, how it did, and what the gate said."""

    version: RegisteredVersion
    version_url: str
    lake_version: int
    n_surfaces: int
    scores: Mapping[str, Scores]
    """By role: challenger, champion, all-cpus."""
    verdict: Verdict
    report: TrainReport

    @property
    def evidence(self) -> Mapping[str, Scalar]:
        """What a release of it is kept with."""
        return {"lake_version": self.lake_version}


def train_challenger(
    settings: Settings,
    *,
    seed: int = 0,
    progress: Progress | None = None,
    wait_s: float = 0.0,
) -> Challenger:
    """Learn from the lake's samples and kept recordings, judge, register and keep the result.

    A training that was interrupted goes on from its checkpoint, if nothing it depends on changed.

    Raises:
        BusyError: another process trains in this home, for longer than `wait_s`.
        NotEnoughSamplesError: too little was recorded.
        RegistryError: MLflow is away.
    """
    with one_training(settings.home, wait_s), tempfile.TemporaryDirectory() as scratch:
        registry = Registry(settings.mlflow_url)
        champion = champion_folder(settings.home)
        surfaces, data = recorded_surfaces_of(settings.home)
        report = retrain(
            champion,
            surfaces,
            Path(scratch) / "bundle",
            seed=seed,
            lake_version=data.version,
            checkpoints=settings.home / CHECKPOINTS,
            progress=progress,
        )
        logger.info("%s", report.sentence)
        cases = evaluation_set(surfaces)
        bundles = {"challenger": report.bundle, "champion": champion}
        scores = _scores(bundles, cases, progress)
        _register_champion(registry, champion, scores["champion"])
        figures = training_figures(report, scores, cases, bundles, surfaces, Path(scratch))
        facts = _training_facts(report, scores, data, champion, seed, figures)
        version = registry.register(report.bundle, registry.log_training(facts))
        BundleStore(settings.home / BUNDLES).add(report.bundle)
        verdict = _judged(settings.home, report, scores, surfaces, data.version)
        keep_verdict(settings.home, verdict)
        shutil.rmtree(settings.home / CHECKPOINTS, ignore_errors=True)
        url = registry.version_url(version)
        return Challenger(version, url, data.version, len(surfaces), scores, verdict, report)


@contextmanager
def one_training(home: Path, wait_s: float = 0.0) -> Iterator[None]:
    """Keep a second training out of this home; the lock dies with the process.

    Args:
        home: the home.
        wait_s: how long another training may take to end.

    Raises:
        BusyError: another process trains, for longer than that.
    """
    home.mkdir(parents=True, exist_ok=True)
    until_s = time.monotonic() + wait_s
    with (home / "training.lock").open("w") as lock:
        while not _take(lock):
            if time.monotonic() >= until_s:
                raise BusyError(
                    f"asked to train in {home}",
                    "another process is training there",
                    "wait until it has ended",
                )
            time.sleep(_POLL_S)
        yield


def _take(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _register_champion(registry: Registry, champion: Path, scores: Scores) -> None:
    """Register a champion that MLflow does not know yet, with its scores for comparison."""
    if champion.name in {version.digest for version in registry.versions()}:
        return
    facts = TrainingFacts(
        name=f"{check_bundle(champion).name} as it was shipped",
        evaluation_set=scores.evaluation_set,
        git_commit=check_bundle(champion).git_commit,
        scores={"challenger": scores},
        bundle_digest=champion.name,
    )
    registry.register(champion, registry.log_training(facts))


def recorded_surfaces_of(home: Path) -> tuple[Sequence[Surface], LakeData]:
    """All that may be learned from or judged on, and the version of the lake it is from."""
    lake = Lake(home / "lake")
    version = lake.version(Table.SAMPLES)
    frame = lake.samples(version)
    data = LakeData(str(home / "lake"), version or 0, n_rows=len(frame))
    elsewhere = surfaces_of_recordings(kept_recordings(home))
    known = compile_surfaces(frame, known_topologies(home))
    return hold_out((*known, *elsewhere), salt=data.version), data


def _scores(
    bundles: Mapping[str, Path], cases: EvaluationSet, progress: Progress | None
) -> dict[str, Scores]:
    scores = {role: evaluate(bundle, cases, progress=progress) for role, bundle in bundles.items()}
    return scores | {ALL_CPUS: evaluate_all_cpus(cases)}


def _judged(
    home: Path,
    report: TrainReport,
    scores: Mapping[str, Scores],
    surfaces: Sequence[Surface],
    lake_version: int,
) -> Verdict:
    return judge(
        scores["challenger"],
        scores["champion"],
        scores[ALL_CPUS],
        ChallengerFacts(
            digest=report.digest,
            data_checked=was_checked(home, lake_version),
            lake_version=lake_version,
            n_overlapping_rows=len(overlapping_rows(surfaces)),
            bundle_bytes=sum(path.stat().st_size for path in report.bundle.iterdir()),
            bundle_problem=_problem(report.bundle),
        ),
        gate_settings(home),
    )


def _problem(bundle: Path) -> str | None:
    try:
        check_bundle(bundle)
    except BundleError as error:
        return str(error)
    return None


def _training_facts(
    report: TrainReport,
    scores: Mapping[str, Scores],
    data: LakeData,
    champion: Path,
    seed: int,
    figures: Sequence[Path],
) -> TrainingFacts:
    return TrainingFacts(
        name=f"retrain on samples v{data.version}",
        evaluation_set=scores["challenger"].evaluation_set,
        git_commit=git_commit(),
        data=data,
        params={**report.params, "seed": seed},
        curves=report.curves,
        results={**report.metrics, "training_cpu_s": report.cpu_s},
        scores=scores,
        figures=figures,
        champion_digest=champion.name,
        bundle_digest=report.digest,
    )
