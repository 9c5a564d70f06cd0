"""Sweeps on the made-up node: asked for on the node and by the release log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from components.executor.errors import CommandError
from components.executor.followed import AskedSweep, Followed
from components.executor.sweep import SweepOrder
from components.node.placement import Layout
from components.policy.brain import load_brain
from components.policy.default_bundle import default_bundle
from components.releases.sweep import SweepRequest
from components.telemetry.sample import Arm


def test_a_sweep_tries_its_points_and_puts_back_what_was(rig):
    rig.settle()
    before = rig.cpus()
    n_before = len(rig.samples)

    rig.executor.sweeping.begin(SweepOrder(n_windows=2, n_points=5), rig.executor)
    rig.run_until(lambda: rig.executor.sweeping.status.state == "done")
    rig.run(3)

    swept = [sample for sample in rig.samples[n_before:] if sample.arm is Arm.SWEEP]
    assert rig.executor.sweeping.status.total == 5
    assert len(swept) == 5 * 2
    assert len({sample.cpuset for sample in swept}) == 5
    assert all(sample.propensity == 1.0 and sample.decision_id for sample in swept)
    assert rig.cpus() == before
    assert rig.job().decision.phase == "settled"


def test_a_sweep_of_an_untouched_job_ends_with_its_original(make_rig, make_fixed):
    rig = make_rig(following=make_fixed(Followed()))
    rig.run(6)

    rig.executor.sweeping.begin(SweepOrder(n_windows=1, n_points=3), rig.executor)
    rig.run_until(lambda: rig.executor.sweeping.status.state == "done")
    rig.run(3)

    assert rig.node.host.configured_cpus(rig.node.container("resnet").id) == ""
    assert not rig.journal.originals()


def test_one_layout_gives_every_count(rig):
    rig.run(6)

    sweep = rig.executor.sweeping.begin(SweepOrder(layout=Layout.COMPACT), rig.executor)

    assert [point["resnet"].candidate.n_cpus for point in sweep.points] == list(range(126, 0, -1))


def test_a_job_that_is_off_is_refused(rig):
    rig.run(2)
    rig.manage("resnet", mode="off")

    with pytest.raises(CommandError, match="mode is off"):
        rig.executor.sweeping.begin(SweepOrder(jobs=("resnet",)), rig.executor)
    with pytest.raises(CommandError, match="none may be swept"):
        rig.executor.sweeping.begin(SweepOrder(), rig.executor)


def test_an_unknown_job_is_refused_by_name(rig):
    rig.run(2)

    with pytest.raises(CommandError, match="'resnot'"):
        rig.executor.sweeping.begin(SweepOrder(jobs=("resnot",)), rig.executor)


def test_a_pause_ends_a_sweep_as_failed_and_puts_back(rig):
    rig.settle()
    before = rig.cpus()
    rig.executor.sweeping.begin(SweepOrder(n_points=5), rig.executor)
    rig.run(4)

    rig.store.change(paused=True)
    rig.run(3)

    status = rig.executor.sweeping.status
    assert (status.state, status.reason) == ("failed", "the node was paused")
    assert rig.cpus() == before


def test_a_job_that_goes_ends_a_sweep_as_failed(rig):
    rig.run(6)
    rig.executor.sweeping.begin(SweepOrder(n_points=5), rig.executor)
    rig.run(4)

    rig.node.kill("resnet")
    rig.run(8)

    assert rig.executor.sweeping.status.state == "failed"
    assert "went away" in rig.executor.sweeping.status.reason


def test_an_entry_is_swept_once_and_its_progress_is_in_heartbeats(make_rig, make_fixed):
    request = SweepRequest(
        nodes=("*",),
        n_windows=1,
        n_points=4,
        not_after=datetime.now(tz=UTC) + timedelta(hours=1),
    )
    followed = Followed(brain=load_brain(default_bundle()), sweep=AskedSweep(7, request))
    rig = make_rig(following=make_fixed(followed))

    rig.run(3)
    running = rig.executor.heartbeat().sweep
    rig.run_until(lambda: rig.executor.heartbeat().sweep.state == "done")
    rig.start()
    rig.run(30)

    assert (running.sequence, running.total, running.state) == (7, 4, "running")
    assert rig.executor.heartbeat().sweep is None
    assert len([s for s in rig.samples if s.arm is Arm.SWEEP]) == 4


def test_jobs_swept_together_take_every_joint_point_that_fits(make_two_jobs):
    rig = make_two_jobs()
    rig.run(6)

    rig.executor.sweeping.begin(SweepOrder(n_windows=1, n_points=6), rig.executor)
    rig.run_until(lambda: rig.executor.sweeping.status.state == "done")

    swept = [sample for sample in rig.samples if sample.arm is Arm.SWEEP]
    assert len({sample.job for sample in swept}) == 2
    assert len(swept) >= 12
