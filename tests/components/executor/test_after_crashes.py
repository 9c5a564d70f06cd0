"""What an executor does first after it was killed."""

from __future__ import annotations

from components.executor.settings import ExecutorSettings
from components.jobs.job import Mode
from components.telemetry.sample import Arm


def test_after_a_crash_what_was_good_is_gone_on_with(rig):
    rig.settle()
    good = rig.cpus()

    rig.start()
    rig.run(1)

    assert rig.cpus() == good
    assert rig.job().in_force.arm is Arm.POLICY
    rig.settle()
    rig.executor.stop()
    assert rig.cpus() == rig.ports.topology.ids


def test_after_a_crash_in_a_probe_the_original_or_the_last_good_comes_back_first(rig):
    rig.run_until(lambda: _is_probing(rig))
    tried = rig.cpus()

    rig.start()
    rig.run(1)

    assert rig.cpus() != tried
    assert rig.job().in_force.arm is not Arm.PROBE


def test_after_a_crash_in_recommend_the_originals_come_back(rig):
    rig.settle()
    rig.settings = ExecutorSettings(mode=Mode.RECOMMEND)

    rig.start()
    rig.run(1)

    assert rig.cpus() == rig.ports.topology.ids


def _is_probing(rig: object) -> bool:
    runs = rig.executor.runs
    return bool(runs) and runs[0].in_force.arm is Arm.PROBE
