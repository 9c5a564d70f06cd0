"""Which policy decides, and what holds when none may."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest

from components.executor.followed import Followed
from components.planning.guard import Rule
from components.policy.brain import Brain, load_brain
from components.policy.default_bundle import default_bundle

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


def test_without_a_policy_every_job_keeps_its_original(make_rig, make_fixed):
    rig = make_rig(following=make_fixed(Followed(health=("no policy, for this test",))))

    rig.run(60)

    assert rig.cpus() == rig.ports.topology.ids
    assert not rig.journal.originals()
    assert rig.executor.heartbeat().health == ("no policy, for this test",)
    assert {sample.policy_digest for sample in rig.samples} == {None}


def test_a_policy_taken_away_leaves_the_last_good_allocation(make_rig, make_fixed):
    following = make_fixed(Followed(brain=load_brain(default_bundle())))
    rig = make_rig(following=following)
    rig.settle()
    good = rig.cpus()

    following.followed = Followed()
    rig.run(30)

    assert rig.cpus() == good
    assert rig.job().ruling.rule is Rule.NO_POLICY


@pytest.mark.parametrize("seed", range(4))
def test_a_random_policy_behind_the_guard_keeps_the_target(make_rig, make_fixed, seed):
    rig = make_rig(seed=seed, following=make_fixed(Followed(brain=_random_brain(seed))))

    rig.run(460)

    assert rig.node.true_latency_ms("resnet") <= 7.0 * 1.003


def test_a_policy_that_answers_nan_decides_nothing(make_rig, make_fixed):
    def nan(feeds: Mapping[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
        shape = feeds["candidates"].shape[:2]
        names = ("latency_mean", "latency_sigma", "power_mean", "power_sigma")
        return {name: np.full(shape, np.nan, dtype=np.float32) for name in names}

    good = load_brain(default_bundle())
    brain = Brain(good.bundle, "0" * 64, nan, good.prober)
    rig = make_rig(following=make_fixed(Followed(brain=brain)))

    rig.run(60)

    assert rig.cpus() == rig.ports.topology.ids
    assert "policy failed" in rig.executor.heartbeat().jobs[0].reason


def test_an_expired_release_decides_nothing_any_more(make_rig, make_fixed):
    over = datetime.now(tz=UTC) - timedelta(seconds=1)
    followed = Followed(brain=load_brain(default_bundle()), expires_at=over)
    rig = make_rig(following=make_fixed(followed))

    rig.run(40)

    assert rig.cpus() == rig.ports.topology.ids
    assert rig.job().ruling.rule is Rule.NO_POLICY


def _random_brain(seed: int) -> Brain:
    """Answers with the right shapes and no sense at all."""
    good = load_brain(default_bundle())
    rng = np.random.default_rng(seed)

    def predictor(feeds: Mapping[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
        said = good.predictor(feeds)
        return {
            name: rng.uniform(0.05, 0.5, value.shape).astype(np.float32)
            if "sigma" in name
            else rng.normal(1.0, 1.0, value.shape).astype(np.float32)
            for name, value in said.items()
        }

    def prober(feeds: Mapping[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
        said = good.prober(feeds)
        return {name: rng.normal(size=v.shape).astype(np.float32) for name, v in said.items()}

    return Brain(good.bundle, "f" * 64, predictor, prober)


def test_without_a_policy_one_window_above_the_target_is_enough_to_go_back(make_rig, make_fixed):
    following = make_fixed(Followed(brain=load_brain(default_bundle())))
    rig = make_rig(following=following)
    rig.settle()
    following.followed = Followed()
    before = rig.job().window
    rig.run_until(lambda: rig.job().window is not before)
    while rig.node.true_latency_ms("resnet") < 7.0 * 1.005:  # by less than chance may hide
        rig.node.scale_rate("resnet", 1.01)

    rig.run(rig.settings.window_s + 1)

    assert rig.cpus() == rig.ports.topology.ids
