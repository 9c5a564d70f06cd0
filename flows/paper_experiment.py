"""The first paper's experiment through the real pipeline, from OTLP bodies to Table 2."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from components.madeup.node import reference_node
from flows.recorded_samples import post_samples, settle_samples
from models.allocator.paper import train_paper_agent
from models.allocator.paper_recording import record_paper_sweep
from models.allocator.paper_sweep import sweep_of_surface, true_sweep
from models.allocator.surfaces import compile_surfaces

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from components.settings.settings import Settings
    from models.allocator.paper import PaperResult, PaperRow, PaperSettings
    from models.allocator.paper_nodes import PaperNode
    from models.allocator.paper_recording import SweepPlan
    from models.allocator.paper_sweep import PaperSweep

    Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True, eq=False)
class RecordedSweeps:
    """What came out of the pipeline."""

    sweeps: Mapping[str, PaperSweep]
    """By node."""
    n_bodies: int
    """OTLP bodies in the spool."""
    n_samples: int
    """Rows that passed the checks."""
    lake_version: int
    verdict: str
    """What the check said."""


@dataclass(frozen=True, slots=True, eq=False)
class Experiment:
    """One agent a node, each trained on what its node's telemetry says."""

    results: tuple[PaperResult, ...]
    truths: tuple[PaperSweep, ...]
    recorded: RecordedSweeps

    @property
    def rows(self) -> tuple[PaperRow, ...]:
        """Table 2 of every node, in order."""
        return tuple(row for result in self.results for row in result.rows)


def run_experiment(
    settings: Settings,
    nodes: Sequence[PaperNode],
    targets_ms: Sequence[float],
    *,
    noise: float,
    training: PaperSettings | None = None,
    plan: SweepPlan | None = None,
    progress: Progress,
) -> Experiment:
    """Record every node, take the samples through the pipeline, train and judge one agent each.

    Args:
        settings: whose home gets spool and lake.
        nodes: simulated nodes.
        targets_ms: milliseconds per image; one agent learns all of them.
        noise: sigma of the log latency of a window of ten seconds.
        training: None for the settings that were found on the reference node.
        plan: of the sweep; None for that of the paper.
        progress: told (done, total, what).

    Raises:
        BadDataError: the checks refuse what was recorded.
        SweepError: a node has no surface to learn from.
    """
    recorded = record_nodes(settings, nodes, targets_ms, noise=noise, plan=plan, progress=progress)
    results, truths = [], []
    for done, node in enumerate(nodes):
        progress(done, len(nodes), f"training on {node.name}")
        sweep = recorded.sweeps[node.name]
        truth = true_sweep(node.response, sweep.n_cpus)
        results.append(train_paper_agent(sweep, targets_ms, node.seed, training, truth=truth))
        truths.append(truth)
    return Experiment(tuple(results), tuple(truths), recorded)


def record_nodes(
    settings: Settings,
    nodes: Sequence[PaperNode],
    targets_ms: Sequence[float],
    *,
    noise: float,
    plan: SweepPlan | None,
    progress: Progress,
) -> RecordedSweeps:
    """Sweep every node; its samples go to the spool, the lake's `raw`, the checks, `samples`."""
    n_bodies = 0
    for done, node in enumerate(nodes):
        progress(done, len(nodes), f"recording {node.name}")
        with tempfile.TemporaryDirectory() as folder:
            made_up = reference_node(
                Path(folder), seed=node.seed, noise=noise, name=node.name, response=node.response
            )
            n_bodies += post_samples(
                settings, record_paper_sweep(made_up, node.name, targets_ms, plan)
            )
    progress(0, 1, "ingesting and checking")
    frame, report = settle_samples(settings)
    ours = frame[frame["node"].isin([node.name for node in nodes])]
    sweeps = {surface.node: sweep_of_surface(surface) for surface in compile_surfaces(ours)}
    return RecordedSweeps(
        sweeps, n_bodies, len(ours), report.samples_version or 0, report.verdict_reason
    )
