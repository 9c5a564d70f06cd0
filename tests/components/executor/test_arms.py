"""Arms of an experiment on the made-up reference node: canary, holdback, shadow."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from components.executor.followed import Followed
from components.executor.settings import ExecutorSettings
from components.policy.brain import Brain, load_brain
from components.policy.default_bundle import default_bundle
from components.telemetry.events import heartbeat_attributes, heartbeat_from_attributes
from components.telemetry.sample import Arm

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

SETTINGS = ExecutorSettings(
    window_s=4.0, min_requests=50, confirm_windows=2, block_windows=4, holdback_share=0.0
)


def wasteful(digest: str = "f" * 64) -> Brain:
    """Believe that more CPUs take less power: it keeps the target, at the price of joules."""
    good = load_brain(default_bundle())

    def upside_down(feeds: Mapping[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
        answer = dict(good.predictor(feeds))
        answer["power_log"] = -answer["power_log"]
        return answer

    return Brain(good.bundle, digest, upside_down, good.prober)


def test_a_wasteful_challenger_is_rolled_back_blocked_and_reported(make_rig, make_fixed):
    good, bad = load_brain(default_bundle()), wasteful()
    following = make_fixed(Followed(brain=good, challenger=bad))
    rig = make_rig(settings=SETTINGS, following=following)

    rig.run_until(lambda: rig.executor.arms.comparison.standing.is_over, 6000)

    rig.run(1)
    ((digest, reason),) = following.rejected
    assert (digest, "joules per image" in reason) == (bad.digest, True)
    experiment = rig.executor.heartbeat().experiment
    assert (experiment.kind, experiment.state) == ("canary", "regressed")
    assert experiment.energy_ratio > 1.02
    assert bad.digest in rig.executor.heartbeat().blocked_digests
    rig.settle()
    rig.run(10)
    assert rig.samples[-1].policy_digest == good.digest
    assert rig.node.true_latency_ms("resnet") <= 7.0 * 1.002


def test_a_better_challenger_wins_and_is_not_promoted_by_itself(make_rig, make_fixed):
    poor, better = wasteful(), load_brain(default_bundle())
    following = make_fixed(Followed(brain=poor, challenger=better))
    rig = make_rig(settings=SETTINGS, following=following)

    rig.run_until(lambda: rig.executor.arms.comparison.standing.is_over, 6000)

    experiment = rig.executor.heartbeat().experiment
    assert (experiment.state, experiment.digest) == ("won", better.digest)
    assert experiment.energy_ratio < 0.98
    rig.run(30)
    assert rig.samples[-1].policy_digest == poor.digest

    following.followed = Followed(brain=better)
    rig.run(30)
    assert rig.samples[-1].policy_digest == better.digest
    assert rig.job().decision.phase == "settled"  # what the challenger had found counts on


def test_samples_of_a_canary_say_whose_turn_it_was_and_how_likely(make_rig, make_fixed):
    good = load_brain(default_bundle())
    twin = replace(good, digest="a" * 64)
    rig = make_rig(settings=SETTINGS, following=make_fixed(Followed(brain=good, challenger=twin)))

    rig.run(1200)

    settled = [s for s in rig.samples if s.arm in {Arm.POLICY, Arm.CANARY}]
    assert {(s.arm, s.policy_digest) for s in settled} == {
        (Arm.POLICY, good.digest),
        (Arm.CANARY, twin.digest),
    }
    assert {s.propensity for s in settled} == {0.5}
    assert rig.executor.arms.comparison.standing.value in {"running", "warming-up"}
    assert not rig.executor.heartbeat().blocked_digests


def test_no_window_reaches_over_a_change_of_arms(make_rig, make_fixed):
    good = load_brain(default_bundle())
    following = make_fixed(Followed(brain=good, challenger=replace(good, digest="a" * 64)))
    rig = make_rig(settings=SETTINGS, following=following)

    rig.run(600)

    ends = [s.window_start.timestamp() + s.window_s for s in rig.samples]
    arms = [(s.arm is Arm.CANARY, s.policy_digest) for s in rig.samples]
    changes = [i for i in range(1, len(arms)) if arms[i][1] != arms[i - 1][1]]
    assert len(changes) > 10
    for i in changes:
        assert rig.samples[i].window_start.timestamp() >= ends[i - 1]


@pytest.mark.parametrize("mode", ["recommend", "auto"])
def test_in_every_mode_a_challenger_predicts_beside_and_its_calibration_is_reported(
    make_rig, make_fixed, mode
):
    good = load_brain(default_bundle())
    challenger = replace(good, digest="a" * 64)
    following = make_fixed(Followed(brain=good, challenger=challenger))
    rig = make_rig(settings=SETTINGS, following=following)
    rig.manage("resnet", mode=mode)
    if mode == "recommend":
        rig.run(30)
        rig.executor.ports.host.apply(rig.node.container("resnet").id, frozenset(range(40)))

    rig.run(400)

    beat = rig.executor.heartbeat()
    reports = {one.role: one for one in beat.calibration}
    assert reports["challenger"].digest == challenger.digest
    assert reports["challenger"].n >= 1
    assert abs(reports["challenger"].mean_log_error) < 0.5
    assert heartbeat_from_attributes(heartbeat_attributes(beat)) == beat


def test_the_holdback_gives_its_share_of_blocks_to_the_original_cpus(make_rig):
    settings = replace(SETTINGS, holdback_share=0.25)
    rig = make_rig(settings=settings)
    rig.settle()

    rig.run(3000)

    kept = [s for s in rig.samples if s.arm is Arm.HOLDBACK]
    ours = [s for s in rig.samples[40:] if s.arm is Arm.POLICY]
    assert {(s.n_cpus, s.propensity) for s in kept} == {(128, 0.25)}
    assert {s.propensity for s in ours[60:]} == {0.75}
    assert 0.1 < len(kept) / (len(kept) + len(ours)) < 0.4
    saved = 1 - sum(s.node_power_w for s in ours) / len(ours) / (
        sum(s.node_power_w for s in kept) / len(kept)
    )
    assert saved > 0.3
    assert rig.executor.heartbeat().experiment.kind == "holdback"


def test_a_share_of_none_never_holds_back(make_rig):
    rig = make_rig(settings=SETTINGS)
    rig.settle()

    rig.run(1500)

    assert not [s for s in rig.samples if s.arm is Arm.HOLDBACK]


def test_a_pause_ends_a_block_and_nothing_is_moved(make_rig, make_fixed):
    good = load_brain(default_bundle())
    following = make_fixed(Followed(brain=good, challenger=replace(good, digest="a" * 64)))
    rig = make_rig(settings=SETTINGS, following=following)
    rig.run_until(lambda: rig.executor.arms.turn.value == "challenger")
    rig.executor.store.change(paused=True)
    rig.run(2)
    cpus = rig.cpus()

    rig.run(200)

    assert rig.executor.arms.turn.value == "champion"
    assert rig.cpus() == cpus
