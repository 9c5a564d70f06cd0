"""The paper's four targets on the made-up reference node, driven by the same executor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.jobs.candidate import Candidate
from components.madeup.reference_node import (
    PAPER_AGENT_N_CPUS,
    PAPER_BEST_N_CPUS,
    PAPER_TARGETS_MS,
    best_candidate,
    reference_surface,
)
from components.node.placement import Layout
from components.policy.candidates import candidates_of
from flows.demo.nodes import REFERENCE, REFERENCE_JOB

if TYPE_CHECKING:
    from components.madeup.surface import MadeUpSurface
    from components.telemetry.heartbeat import JobStatus
    from flows.demo.narrator import Narrator
    from flows.demo.nodes import DemoNodes

PATIENCE_S = 60.0
ALL_CPUS = Candidate(128)
COLUMNS = (
    "target", "paper's agent", "best compact", "chosen", "best of all layouts", "latency",
    "node power", "over best", "less than all CPUs", "target met",
)  # fmt: skip


def show_four_targets(nodes: DemoNodes, narrator: Narrator) -> None:
    """Ask the node for each target in turn and compare with the best, by true values."""
    narrator.heading("g", "the made-up 128-CPU reference node (simulated), the paper's targets")
    rows = []
    for target_ms in PAPER_TARGETS_MS:
        nodes.command(REFERENCE, "manage", REFERENCE_JOB, "--target-ms", f"{target_ms:g}")
        status = nodes.wait_for_job(
            REFERENCE,
            REFERENCE_JOB,
            lambda s, asked=target_ms: s.target_ms == asked and s.state == "settled",  # type: ignore[misc]  # mypy knows no default in a lambda
            what=f"its choice for {target_ms:g} ms",
            within_s=PATIENCE_S,
        )
        rows.append(_row(target_ms, status))
    narrator.table(COLUMNS, rows)


def _row(target_ms: float, status: JobStatus) -> tuple[str, ...]:
    surface = reference_surface(target_ms)
    chosen = Candidate(status.n_cpus, Layout(status.layout or Layout.COMPACT))
    best = best_candidate(target_ms, candidates_of(surface.topology))
    latency_ms, power_w = _truth(surface, chosen)
    over_best = "-"
    if best is not None:
        over_best = f"{100 * (power_w / _truth(surface, best)[1] - 1):+.2f} %"
    return (
        f"{target_ms:g} ms",
        str(PAPER_AGENT_N_CPUS[target_ms]),
        str(PAPER_BEST_N_CPUS[target_ms]),
        str(chosen),
        "none" if best is None else str(best),
        f"{latency_ms:.3f} ms",
        f"{power_w:.1f} W",
        over_best,
        f"{100 * (1 - power_w / _truth(surface, ALL_CPUS)[1]):.1f} %",
        "yes" if latency_ms <= target_ms else "missed",
    )


def _truth(surface: MadeUpSurface, candidate: Candidate) -> tuple[float, float]:
    """Latency in ms and node power in W without noise."""
    return (
        float(surface.latency_ms([candidate])[0]),
        float(surface.power_w([candidate])[0]),
    )
