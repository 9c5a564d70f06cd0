"""Has the real gate judge the drill's policies, and makes them versions that can be promoted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.policy.bundle import bundle_digest
from components.registry.facts import TrainingFacts
from components.registry.mlflow_registry import Registry
from components.releases.gate import ChallengerFacts, judge
from components.releases.gate_file import gate_settings
from components.releases.source import BUNDLES
from components.releases.store import BundleStore
from flows.verdicts import keep_verdict
from models.allocator.evaluation import evaluate, evaluate_all_cpus, evaluation_set
from models.code_version import git_commit

if TYPE_CHECKING:
    from pathlib import Path

    from components.registry.facts import RegisteredVersion
    from components.releases.scores import Scores
    from components.releases.verdict import Verdict
    from components.settings.settings import Settings

N_CASES = 80
SEED = 77_000
"""Of made-up nodes that nothing else is judged on."""


@dataclass(frozen=True, slots=True)
class Scored:
    """A bundle and how it did."""

    bundle: Path
    digest: str
    scores: Scores

    @property
    def mean_regret(self) -> float:
        """Power beyond the best choice, over the cases in which the target was kept."""
        kept = [case.regret for case in self.scores.cases if not case.violated]
        return sum(kept) / len(kept)


class Judging:
    """Made-up nodes to judge on, and how champion and all CPUs did there."""

    def __init__(self, settings: Settings, champion: Path, *, n_cases: int = N_CASES) -> None:
        self._settings = settings
        self._cases = evaluation_set((), n_madeup=n_cases, seed=SEED)
        self._all_cpus = evaluate_all_cpus(self._cases)
        self.champion = self.score(champion)

    def score(self, bundle: Path) -> Scored:
        """Let a bundle search every case."""
        return Scored(bundle, bundle_digest(bundle), evaluate(bundle, self._cases))

    def verdict(self, scored: Scored, *, data_checked: bool, lake_version: int) -> Verdict:
        """Ask the gate, as strict as the home's `gate.toml` has it now."""
        facts = ChallengerFacts(
            digest=scored.digest,
            data_checked=data_checked,
            lake_version=lake_version,
            n_overlapping_rows=0,  # judged on made-up nodes only
            bundle_bytes=sum(path.stat().st_size for path in scored.bundle.iterdir()),
            bundle_problem=None,  # `evaluate` loaded it, which checks it
        )
        champion = self.champion.scores
        settings = gate_settings(self._settings.home)
        return judge(scored.scores, champion, self._all_cpus, facts, settings)

    def register(self, scored: Scored, verdict: Verdict | None, name: str) -> RegisteredVersion:
        """Make it a version in MLflow, and keep its bundle and verdict for who promotes it."""
        registry = Registry(self._settings.mlflow_url)
        facts = TrainingFacts(
            name=name,
            evaluation_set=self._cases.digest,
            git_commit=git_commit(),
            scores={"challenger": scored.scores, "champion": self.champion.scores},
        )
        version = registry.register(scored.bundle, registry.log_training(facts))
        BundleStore(self._settings.home / BUNDLES).add(scored.bundle)
        if verdict is not None:
            keep_verdict(self._settings.home, verdict)
        return version
