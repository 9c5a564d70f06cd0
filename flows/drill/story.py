"""What the drill goes through, step by step; each ends with what was seen, or the drill fails."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from components.lake.lake import Lake
from components.madeup.node import REFERENCE_RATE_PER_S
from components.madeup.offered_rate import offer
from components.policy.brain import load_brain
from components.releases.gate_file import ADVISABLE, NAME
from components.releases.operations import history
from flows.checked_lake import check_samples, ingest_telemetry
from flows.demo.nodes import REFERENCE_JOB, DemoNodes
from flows.drill.commands import type_command, wait_until
from flows.drill.judging import Judging
from flows.drill.policies import (
    joined_upside_down,
    swept_surfaces,
    train_damaged,
    train_narrowly,
)
from flows.drill.windows import alone, missed_by, span_s
from flows.errors import DrillError
from flows.releasing import champion_folder
from flows.stack import servers, watch
from flows.sweeping import SweepOrder, sweep_nodes

if TYPE_CHECKING:
    from components.registry.facts import RegisteredVersion
    from components.settings.settings import Settings
    from components.telemetry.heartbeat import ExperimentStatus
    from flows.demo.narrator import Narrator
    from flows.drill.judging import Scored
    from flows.drill.receiver import Receiver
    from flows.services import Services

NODE = "night"
PACE = "200"
BUSIER = 1.3
SWEEP = SweepOrder(nodes=(NODE,), n_windows=2, n_points=48, timeout_s=180.0)
PATIENCE_S = 120.0
DOSES = (80, 100, 120, 140, 160, 240)
"""Steps of training too narrowly, until it shows."""
ALONE_WINDOWS = 200
SHORT = 12


class Drill:
    """A night on call."""

    def __init__(
        self, settings: Settings, services: Services, on_call: Receiver, narrator: Narrator
    ) -> None:
        self._settings = settings
        self._services = services
        self._on_call = on_call
        self._say = narrator
        self._nodes = DemoNodes(settings)
        self._times: list[tuple[str, str]] = []
        self._lake_version = 0
        self._canary_at = datetime.now(UTC)

    def hold(self) -> None:
        """All steps in order.

        Raises:
            DrillError: one of them was not seen to happen.
        """
        self._start()
        self._sweep()
        judging = Judging(self._settings, champion_folder(self._settings.home))
        judging.register(judging.champion, None, "the shipped policy")
        bad = self._train_bad(judging)
        bad_version = self._pass_loosened_gate(judging, bad)
        self._canary(bad, bad_version)
        self._count(bad)
        subtle = self._train_subtle(judging)
        self._by_hand(subtle)
        self._show_history()

    def _start(self) -> None:
        self._say.heading("a", "a fresh stack, and a made-up 128-CPU node at 200 times its pace")
        self._services.start_all(servers(self._settings))
        self._services.start(watch(self._settings))
        node = self._nodes.service(NODE, "madeup:reference", "--pace", PACE, "--holdback", "0")
        self._services.start_all([node])
        status = self._nodes.wait_for_job(
            NODE,
            REFERENCE_JOB,
            lambda s: s.state == "settled",
            what="its first choice",
            within_s=PATIENCE_S,
        )
        self._say.fact(
            f"{NODE}: {REFERENCE_JOB} has {status.n_cpus} CPUs, target {status.target_ms:g} ms; "
            f"the shipped policy {self._short(champion_folder(self._settings.home).name)} decides"
        )

    def _sweep(self) -> None:
        self._say.heading("b", "the node is swept, and what it measured is checked")
        sweep_nodes(self._settings, SWEEP, who="the drill", why="rows to learn from")
        ingest_telemetry(self._settings)
        report = check_samples(self._settings)
        self._require(report.verdict, report.verdict_reason)
        self._lake_version = report.samples_version or 0
        rows = Lake(self._settings.home / "lake").samples(self._lake_version)
        n_swept = int((rows["arm"] == "sweep").sum())
        self._say.fact(f"{len(rows)} rows passed the checks, {n_swept} of the sweep")

    def _train_bad(self, judging: Judging) -> Scored:
        self._say.heading("c", "upstream, a join puts every measurement at the wrong CPUs")
        frame = Lake(self._settings.home / "lake").samples(self._lake_version)
        surfaces = swept_surfaces(joined_upside_down(frame))
        self._say.fact(
            f"{sum(len(s.points) for s in surfaces)} allocations, latency and power in the opposite"
            " order: few CPUs seem fast, many seem cheap; every row for itself looks sound"
        )
        out = self._settings.home / "bad"
        champion = champion_folder(self._settings.home)
        train_damaged(surfaces, champion, out, seed=0, progress=lambda *_: None)
        bad = judging.score(out)
        verdict = judging.verdict(bad, data_checked=False, lake_version=self._lake_version)
        self._require(not verdict.passed, "the gate as it ships lets the bad policy pass")
        self._say.fact(
            f"trained predictor and probe policy on these rows alone: {self._short(bad.digest)}; "
            f"on made-up nodes it takes {bad.mean_regret:.1%} more than the best choice, "
            f"the policy in force {judging.champion.mean_regret:.1%}"
        )
        self._say.fact("the gate as it ships would have stopped it:")
        rows = [(rule.name, rule.found, rule.needed) for rule in verdict.failures]
        self._say.table(("rule that fails", "found", "needed"), rows)
        return bad

    def _pass_loosened_gate(self, judging: Judging, bad: Scored) -> RegisteredVersion:
        self._say.heading("d", "someone in a hurry loosened the gate")
        file = self._settings.home / NAME
        file.write_text(f"advisory = {json.dumps(ADVISABLE)}\n")
        verdict = judging.verdict(bad, data_checked=False, lake_version=self._lake_version)
        file.unlink()
        self._require(verdict.passed, "even the loosened gate stops it")
        version = judging.register(bad, verdict, "on damaged rows")
        told = sum("only advises" in rule.needed for rule in verdict.rules)
        self._say.fact(
            f"{NAME} lets {len(ADVISABLE)} rules only advise: version {version.version} passes, "
            f"and its verdict keeps the {told} that do not hold"
        )
        return version

    def _canary(self, bad: Scored, version: RegisteredVersion) -> None:
        self._say.heading("e", "it goes to canary on one node")
        start = time.monotonic()
        self._promote(version, "--ring", "one", why="looks good to me")
        self._canary_at = datetime.now(UTC)
        wait_until(
            lambda: self._is_compared(bad.digest), "two pairs of blocks", within_s=PATIENCE_S
        )
        offer(self._nodes.home(NODE) / "madeup", REFERENCE_JOB, BUSIER * REFERENCE_RATE_PER_S)
        self._say.fact(f"the evening comes: {BUSIER - 1:.0%} more requests/s, for both arms alike")
        wait_until(
            lambda: bad.digest in self._blocked(), "the node to roll it back", within_s=PATIENCE_S
        )
        took_s = time.monotonic() - start
        ended = self._experiment()
        self._require(ended is not None and ended.state == "regressed", f"the canary says {ended}")
        self._say.fact(
            f"the node rolled it back by itself: {'' if ended is None else ended.reason}"
        )
        message = self._on_call.wait_for("rolled a policy back", within_s=60.0)
        if message is None:
            raise self._failed("nobody was told of the rollback")
        self._say.fact(f"someone is told: “{message.title}”")
        for line in message.text.splitlines():
            self._say.fact(f"  {line}")
        told_s = message.received_s - start
        self._times.append(("canary started to rolled back by itself", f"{took_s:.1f} s here"))
        self._times.append(("canary started to someone told", f"{told_s:.1f} s here"))

    def _count(self, bad: Scored) -> None:
        self._say.heading("f", "what it did to the target meanwhile")
        ingest_telemetry(self._settings)
        check_samples(self._settings)
        frame = Lake(self._settings.home / "lake").samples()
        missed = missed_by(frame, NODE, bad.digest)
        self._require(missed.n_windows > 0, "no window of the canary came to the lake")
        minutes = span_s(frame, NODE, bad.digest) / 60
        self._times.append(
            ("its first window to its last", f"{minutes:.1f} min of the node's time")
        )
        since = (
            frame["window_start"]
            >= frame[frame["policy_digest"] == bad.digest]["window_start"].min()
        )
        champion = champion_folder(self._settings.home).name
        beside = missed_by(frame[since], NODE, champion)
        self._say.fact(f"on {NODE}, while it decided: {missed.words}")
        self._say.fact(f"on {NODE}, while the policy in force decided: {beside.words}")
        self._require(missed.longest <= 2, "a miss was not repaired within two windows")
        brain = load_brain(bad.bundle)
        rows = []
        for name, is_guarded in (("with the guard", True), ("without", False)):
            judge = alone(brain, is_guarded=is_guarded, n_windows=ALONE_WINDOWS, seed=3)
            rows.append(
                (
                    name,
                    f"{judge.n_missed} of {judge.n_windows}",
                    str(judge.n_missed_with_all),
                    f"{judge.saving:.1%}",
                )
            )
        self._say.fact("had it decided alone, on a node like it under changing loads:")
        self._say.table(("", "windows missed", "with all CPUs", "saved"), rows)

    def _train_subtle(self, judging: Judging) -> RegisteredVersion:
        self._say.heading("g", "a subtle one: tuned on this node alone, a little too long")
        typed = type_command(
            self._settings, "rollback", "--yes", "--why", "the canary regressed: out of the log"
        )
        self._say.fact(f"first the canary is taken out of the log by hand: {typed.lines[-1]}")
        frame = Lake(self._settings.home / "lake").samples(self._lake_version)
        surfaces, champion = swept_surfaces(frame), champion_folder(self._settings.home)
        for n_steps in DOSES:
            out = self._settings.home / f"subtle-{n_steps}"
            train_narrowly(surfaces, champion, out, n_steps=n_steps, seed=0)
            subtle = judging.score(out)
            worse = subtle.mean_regret - judging.champion.mean_regret
            verdict = judging.verdict(subtle, data_checked=True, lake_version=self._lake_version)
            if worse > 0 and verdict.passed:
                self._say.fact(
                    f"{n_steps} steps: regret {subtle.mean_regret:.2%} against "
                    f"{judging.champion.mean_regret:.2%}, within noise: the gate as it ships "
                    f"lets it pass, all {len(verdict.rules)} rules"
                )
                return judging.register(subtle, verdict, f"{n_steps} steps on one node")
        raise self._failed("no dose gave a policy that is slightly worse and passes")

    def _by_hand(self, version: RegisteredVersion) -> None:
        self._say.heading("h", "it is promoted by hand everywhere, and rolled back by hand")
        took_s = self._promote(version, why="the gate says it is as good")
        self._times.append(("promote to node, confirmed", f"{took_s:.1f} s here"))
        self._require(self._runs() == version.digest, f"{NODE} runs {self._short(self._runs())}")
        typed = type_command(self._settings, "rollback", "--yes", "--why", "watts went up at 03:12")
        for line in typed.lines[-2:]:
            self._say.fact(f"joulepilot rollback: {line}")
        self._times.append(("rollback to node, confirmed", f"{typed.seconds:.1f} s here"))
        shipped = champion_folder(self._settings.home).name
        self._require(self._runs() == shipped, f"{NODE} runs {self._short(self._runs())}")

    def _show_history(self) -> None:
        self._say.heading("i", "history shows all of it")
        lines = type_command(self._settings, "history").lines
        for line in lines:
            self._say.fact(line)
        kinds = [str(line.kind) for line in history(self._settings.home)]
        wanted = ["promote", "sweep", "canary", "rollback", "promote", "rollback"]
        self._require(kinds == wanted, f"the log has {', '.join(kinds)}")
        at = f"{self._canary_at:%Y-%m-%dT%H:%M:%S}"
        self._say.fact(f"joulepilot history --node {NODE} --at {at}:")
        for line in type_command(self._settings, "history", "--node", NODE, "--at", at).lines:
            self._say.fact(f"  {line}")
        self._say.heading("j", "times")
        self._say.table(("from, to", "took"), self._times)

    def _promote(self, version: RegisteredVersion, *extra: str, why: str) -> float:
        typed = type_command(
            self._settings, "promote", str(version.version), *extra, "--yes", "--why", why
        )
        for line in typed.lines[-2:]:
            self._say.fact(f"joulepilot promote {version.version}: {line}")
        return typed.seconds

    def _is_compared(self, digest: str) -> bool:
        experiment = self._experiment()
        return experiment is not None and experiment.digest == digest and experiment.n_pairs >= 2

    def _experiment(self) -> ExperimentStatus | None:
        state = self._nodes.state(NODE)
        return None if state is None else state.heartbeat.experiment

    def _blocked(self) -> tuple[str, ...]:
        state = self._nodes.state(NODE)
        return () if state is None else state.heartbeat.blocked_digests

    def _runs(self) -> str | None:
        state = self._nodes.state(NODE)
        return None if state is None else state.heartbeat.policy_digest

    def _short(self, digest: str | None) -> str:
        return "nothing" if digest is None else digest[:SHORT]

    def _require(self, is_so: bool, otherwise: str) -> None:
        if not is_so:
            raise self._failed(otherwise)

    def _failed(self, found: str) -> DrillError:
        return DrillError("asked for a drill that works", found, f"see {self._settings.home}/logs")
