"""What the drill goes through, step by step; each ends with what was seen, or the drill fails."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from components.lake.lake import Lake
from flows.checked_lake import check_samples, ingest_telemetry
from flows.demo.nodes import REFERENCE_JOB
from flows.drill import bad_policy, subtle_policy
from flows.drill.commands import type_command
from flows.drill.judging import Judging
from flows.drill.night import NODE, short
from flows.releasing import champion_folder
from flows.stack import schedules, servers, watch
from flows.sweeping import SweepOrder, sweep_nodes

if TYPE_CHECKING:
    from datetime import datetime

    from flows.drill.night import Night
    from flows.services import Services

PACE = "200"
SWEEP = SweepOrder(nodes=(NODE,), n_windows=2, n_points=48, timeout_s=180.0)
PATIENCE_S = 120.0
SERVED = bad_policy.DEPLOYMENT
"""No other flow is due tonight: no schedule and no trigger may change the story."""
KINDS = ["promote", "sweep", "canary", "rollback", "promote", "rollback"]


def hold(night: Night, services: Services) -> None:
    """All steps in order.

    Raises:
        DrillError: one of them was not seen to happen.
    """
    _start(night, services)
    _sweep(night)
    judging = Judging(night.settings, champion_folder(night.settings.home))
    judging.register(judging.champion, None, "the shipped policy")
    canary = bad_policy.play(night, judging)
    subtle_policy.play(night, judging)
    _show_history(night, at=canary.when + timedelta(seconds=1))


def _start(night: Night, services: Services) -> None:
    night.say.heading("a", "a fresh stack, and a made-up 128-CPU node at 200 times its pace")
    services.start_all(servers(night.settings))
    services.start(watch(night.settings))
    node = night.nodes.service(NODE, "madeup:reference", "--pace", PACE, "--holdback", "0")
    services.start_all([schedules(night.settings, only=SERVED), node])
    status = night.nodes.wait_for_job(
        NODE,
        REFERENCE_JOB,
        lambda s: s.state == "settled",
        what="its first choice",
        within_s=PATIENCE_S,
    )
    night.say.fact(
        f"{NODE}: {REFERENCE_JOB} has {status.n_cpus} CPUs, target {status.target_ms:g} ms; "
        f"the shipped policy {short(champion_folder(night.settings.home).name)} decides"
    )


def _sweep(night: Night) -> None:
    night.say.heading("b", "the node is swept, and what it measured is checked")
    sweep_nodes(night.settings, SWEEP, who="the drill", why="rows to learn from")
    ingest_telemetry(night.settings)
    report = check_samples(night.settings)
    night.require(report.verdict, report.verdict_reason)
    night.lake_version = report.samples_version or 0
    rows = Lake(night.settings.home / "lake").samples(night.lake_version)
    n_swept = int((rows["arm"] == "sweep").sum())
    night.say.fact(f"{len(rows)} rows passed the checks, {n_swept} of the sweep")


def _show_history(night: Night, *, at: datetime) -> None:
    night.say.heading("i", "history shows all of it")
    for line in type_command(night.settings, "history").lines:
        night.say.fact(line)
    kinds = [str(entry.kind) for entry in night.entries]
    night.require(kinds == KINDS, f"the log has {', '.join(kinds)}")
    time = f"{at:%Y-%m-%dT%H:%M:%S}"
    night.say.fact(f"joulepilot history --node {NODE} --at {time}:")
    for line in type_command(night.settings, "history", "--node", NODE, "--at", time).lines:
        night.say.fact(f"  {line}")
    night.say.heading("j", "times")
    night.say.table(("from, to", "took"), night.times)
