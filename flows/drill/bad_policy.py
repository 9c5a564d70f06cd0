"""The bad policy: trained on damaged rows, past a loosened gate, to a canary, and out by itself."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from components.lake.lake import Lake
from components.madeup.node import REFERENCE_RATE_PER_S
from components.madeup.offered_rate import offer
from components.policy.brain import load_brain
from components.releases.canary import canary_in_force
from components.releases.gate_file import ADVISABLE, NAME
from flows.canaries import WHO
from flows.checked_lake import check_samples, ingest_telemetry
from flows.demo.nodes import REFERENCE_JOB
from flows.demo.pipeline_run import run_deployed
from flows.drill.commands import wait_until
from flows.drill.night import NODE, short
from flows.drill.policies import joined_upside_down, swept_surfaces, train_damaged
from flows.drill.windows import alone, missed_by, span_s
from flows.ending import CANARY_STARTED
from flows.errors import DrillError
from flows.releasing import champion_folder

if TYPE_CHECKING:
    from components.registry.facts import RegisteredVersion
    from components.releases.entry import Release
    from flows.drill.judging import Judging, Scored
    from flows.drill.night import Night

DEPLOYMENT = "promote/by-hand"
BUSIER = 1.3
PATIENCE_S = 120.0
ALONE_WINDOWS = 200


def play(night: Night, judging: Judging) -> Release:
    """Steps c to f; the entry that began its canary.

    Raises:
        DrillError: one of them was not seen to happen.
    """
    bad = _train(night, judging)
    version = _pass_loosened_gate(night, judging, bad)
    began = _canary(night, bad, version)
    _count(night, bad)
    return began


def _train(night: Night, judging: Judging) -> Scored:
    night.say.heading("c", "upstream, a join puts every measurement at the wrong CPUs")
    home = night.settings.home
    surfaces = swept_surfaces(joined_upside_down(Lake(home / "lake").samples(night.lake_version)))
    night.say.fact(
        f"{sum(len(s.points) for s in surfaces)} allocations, latency and power in the opposite"
        " order: few CPUs seem fast, many seem cheap; every row for itself looks sound"
    )
    champion = champion_folder(home)
    train_damaged(surfaces, champion, home / "bad", seed=0, progress=lambda *_: None)
    bad = judging.score(home / "bad")
    verdict = judging.verdict(bad, data_checked=False, lake_version=night.lake_version)
    night.require(not verdict.passed, "the gate as it ships lets the bad policy pass")
    night.say.fact(
        f"trained predictor and probe policy on these rows alone: {short(bad.digest)}; "
        f"on made-up nodes it takes {bad.mean_regret:.1%} more than the best choice, "
        f"the policy in force {judging.champion.mean_regret:.1%}"
    )
    night.say.fact("the gate as it ships would have stopped it:")
    rows = [(rule.name, rule.found, rule.needed) for rule in verdict.failures]
    night.say.table(("rule that fails", "found", "needed"), rows)
    return bad


def _pass_loosened_gate(night: Night, judging: Judging, bad: Scored) -> RegisteredVersion:
    night.say.heading("d", "someone in a hurry loosened the gate")
    file = night.settings.home / NAME
    file.write_text(f"advisory = {json.dumps(ADVISABLE)}\n")
    verdict = judging.verdict(bad, data_checked=False, lake_version=night.lake_version)
    file.unlink()
    night.require(verdict.passed, "even the loosened gate stops it")
    version = judging.register(bad, verdict, "on damaged rows")
    told = sum("only advises" in rule.needed for rule in verdict.rules)
    night.say.fact(
        f"{NAME} lets every rule on scores and data only advise: version {version.version} "
        f"passes, and its verdict keeps the {told} that do not hold"
    )
    return version


def _canary(night: Night, bad: Scored, version: RegisteredVersion) -> Release:
    night.say.heading("e", "it goes to canary on one node, as the pipeline's step")
    began = _start_canary(night, version)
    start = time.monotonic()
    wait_until(lambda: _is_compared(night, bad), "two pairs of blocks", within_s=PATIENCE_S)
    offer(night.nodes.home(NODE) / "madeup", REFERENCE_JOB, BUSIER * REFERENCE_RATE_PER_S)
    night.say.fact(f"the evening comes: {BUSIER - 1:.0%} more requests/s, for both arms alike")
    wait_until(lambda: bad.digest in night.blocked, "the node to roll it back", within_s=PATIENCE_S)
    night.took("canary in force to rolled back by the node", time.monotonic() - start)
    wait_until(
        lambda: canary_in_force(night.entries) is None, "its end in the log", within_s=PATIENCE_S
    )
    night.took("canary in force to ended in the log", time.monotonic() - start)
    ended = night.entries[-1]
    night.require(
        (ended.who, ended.blocked_digest) == (WHO, bad.digest),
        f"the log ends with {ended.kind} by {ended.who}: {ended.why}",
    )
    night.say.fact(f"entry {ended.sequence}, {ended.kind} by {ended.who}: {ended.why}")
    _told(night, version, start)
    _is_refused(night, version)
    return began


def _start_canary(night: Night, version: RegisteredVersion) -> Release:
    order = {"version": str(version.version), "why": "looks good to me", "rollout": "canary"}
    start = time.monotonic()
    run = run_deployed(DEPLOYMENT, {"promotion": order}, night.say.fact, within_s=PATIENCE_S)
    night.say.fact(f"run {run.name} ended as: {run.state_name}")
    night.require(run.state_name == CANARY_STARTED, f"it ended as {run.state_name}")
    began = night.entries[-1]
    night.nodes.wait_for_release(NODE, began.sequence, within_s=PATIENCE_S)
    night.say.fact(f"{NODE} runs release {began.sequence}: champion and challenger take turns")
    night.took("run asked for to canary on the node", time.monotonic() - start)
    return began


def _told(night: Night, version: RegisteredVersion, start_s: float) -> None:
    title = f"the canary of version {version.version} regressed"
    message = night.on_call.wait_for(title, within_s=60.0)
    if message is None:
        raise night.failed("nobody was told of it")
    night.say.fact(f"someone is told: “{message.title}”")
    for line in message.text.splitlines():
        night.say.fact(f"  {line}")
    night.took("canary in force to someone told", message.received_s - start_s)


def _is_refused(night: Night, version: RegisteredVersion) -> None:
    """Have someone try it again."""
    try:
        night.type("promote", str(version.version), "--yes", "--why", "surely a mistake")
    except DrillError as error:
        said = error.found.splitlines()[-2].strip()
        night.say.fact(f"promoted again by hand it is refused; {said}")
        return
    raise night.failed("what regressed was promoted again")


def _count(night: Night, bad: Scored) -> None:
    night.say.heading("f", "what it did to the target meanwhile")
    ingest_telemetry(night.settings)
    check_samples(night.settings)
    frame = Lake(night.settings.home / "lake").samples()
    missed = missed_by(frame, NODE, bad.digest)
    night.require(missed.n_windows > 0, "no window of the canary came to the lake")
    minutes = span_s(frame, NODE, bad.digest) / 60
    night.times.append(("its first window to its last", f"{minutes:.1f} min of the node's time"))
    since = (
        frame["window_start"] >= frame[frame["policy_digest"] == bad.digest]["window_start"].min()
    )
    beside = missed_by(frame[since], NODE, champion_folder(night.settings.home).name)
    night.say.fact(f"on {NODE}, while it decided: {missed.words}")
    night.say.fact(f"on {NODE}, while the policy in force decided: {beside.words}")
    night.require(missed.longest <= 2, "a miss was not repaired within two windows")
    brain = load_brain(bad.bundle)
    rows = []
    for name, is_guarded in (("with the guard", True), ("without", False)):
        judge = alone(brain, is_guarded=is_guarded, n_windows=ALONE_WINDOWS, seed=3)
        windows = f"{judge.n_missed} of {judge.n_windows}"
        rows.append((name, windows, str(judge.n_missed_with_all), f"{judge.saving:.1%}"))
    night.say.fact("had it decided alone, on a node like it under changing loads:")
    night.say.table(("", "windows missed", "with all CPUs", "saved"), rows)


def _is_compared(night: Night, bad: Scored) -> bool:
    found = night.experiment
    return found is not None and found.digest == bad.digest and found.n_pairs >= 2
