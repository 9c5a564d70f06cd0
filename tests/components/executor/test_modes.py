"""How far the executor goes in each mode, and what it gives back."""

from __future__ import annotations

from components.executor.settings import ExecutorSettings
from components.jobs.job import Mode
from components.telemetry.sample import Arm


def test_recommend_says_what_it_wants_and_touches_nothing(make_rig):
    rig = make_rig(settings=ExecutorSettings(window_s=4.0, min_requests=50, mode=Mode.RECOMMEND))

    rig.run(60)

    status = rig.executor.heartbeat().jobs[0]
    assert status.wanted is not None
    assert status.cpuset == "0-127"
    assert rig.node.host.configured_cpus(rig.node.container("resnet").id) == ""
    assert not rig.journal.originals()
    assert {sample.arm for sample in rig.samples} == {Arm.ORIGINAL}
    assert {sample.mode for sample in rig.samples} == {"recommend"}


def test_stop_puts_the_originals_back_and_says_so(rig):
    container = rig.node.container("resnet").id
    rig.settle()
    assert rig.cpus() != rig.ports.topology.ids

    report = rig.executor.stop()

    assert report.complete
    assert rig.node.host.configured_cpus(container) == ""
    assert rig.cpus() == rig.ports.topology.ids
    assert not rig.journal.originals()
    assert rig.published.heartbeats[-1].jobs[0].cpuset == "0-127"


def test_an_original_cpuset_of_the_owner_comes_back_literally(rig):
    container = rig.node.container("resnet").id
    rig.node.host.restore(container, "0-99")
    rig.settle()

    rig.executor.stop()

    assert rig.node.host.configured_cpus(container) == "0-99"


def test_what_someone_else_set_is_respected_reported_and_left_at_the_end(make_rig):
    rig = make_rig(
        settings=ExecutorSettings(
            window_s=4.0, min_requests=50, confirm_windows=2, foreign_hold_s=60.0
        )
    )
    rig.settle()
    container = rig.node.container("resnet").id
    theirs = frozenset(range(90))

    rig.node.host.apply(container, theirs)
    rig.run(30)

    assert rig.cpus() == theirs
    status = rig.executor.heartbeat().jobs[0]
    assert (status.state, status.arm) == ("held", "operator")
    assert rig.samples[-1].arm is Arm.OPERATOR
    rig.run(60)
    rig.settle()
    assert rig.cpus() != theirs
    rig.executor.stop()
    assert rig.node.host.configured_cpus(container) == "0-89"


def test_a_pause_does_not_leave_a_probe_in_force(rig):
    rig.run_until(lambda: _is_probing(rig))

    rig.store.change(paused=True)
    rig.run(20)

    assert rig.job().in_force.arm is not Arm.PROBE
    held = rig.cpus()
    rig.run(30)
    assert rig.cpus() == held
    rig.store.change(paused=False)
    rig.settle()


def test_mode_off_leaves_a_job_alone(rig):
    rig.settle()

    rig.manage("resnet", mode="off")
    n_before = len(rig.samples)
    rig.run(30)

    assert rig.node.host.configured_cpus(rig.node.container("resnet").id) == ""
    assert rig.executor.heartbeat().jobs[0].state == "off"
    assert len(rig.samples) == n_before


def test_dropping_to_recommend_gives_the_originals_back(rig):
    rig.settle()

    rig.manage("resnet", mode="recommend")
    rig.run(10)

    assert rig.cpus() == rig.ports.topology.ids
    assert not rig.journal.originals()


def test_a_canary_that_misses_its_target_goes_back_by_itself(make_rig):
    rig = make_rig(
        settings=ExecutorSettings(
            window_s=4.0, min_requests=50, confirm_windows=2, mode=Mode.CANARY
        )
    )
    rig.settle()
    assert rig.job().in_force.arm is Arm.CANARY

    rig.node.scale_rate("resnet", 1.4)
    rig.run_until(lambda: rig.job().decision.phase == "backed-off")
    rig.run(60)

    assert rig.cpus() == rig.ports.topology.ids
    assert rig.executor.heartbeat().jobs[0].state == "backed-off"


def _is_probing(rig: object) -> bool:
    runs = rig.executor.runs
    return bool(runs) and runs[0].in_force.arm is Arm.PROBE
