"""The loop on the made-up reference node when meters, servers or CPUs fail."""

from __future__ import annotations

from components.node.cpuset import format_cpu_list
from components.planning.guard import Rule
from components.telemetry.sample import Arm


def test_a_server_that_cannot_be_read_in_a_probe_goes_back_to_its_originals(rig):
    rig.run_until(lambda: _is_probing(rig))
    rig.node.silence("resnet")

    rig.run(rig.settings.telemetry_s + 10)

    assert rig.job().in_force.arm is not Arm.PROBE
    assert rig.job().ruling.rule is Rule.NO_TELEMETRY
    assert any("cannot be read" in line for line in rig.executor.heartbeat().health)
    rig.node.silence("resnet", silent=False)
    rig.settle()
    assert rig.node.true_latency_ms("resnet") <= 7.0 * 1.002


def test_a_container_that_goes_in_the_middle_of_a_probe_is_forgotten(rig):
    rig.run_until(lambda: _is_probing(rig))
    rig.node.kill("resnet")

    rig.run(12)

    assert not rig.executor.runs
    assert not rig.journal.originals()


def test_an_engine_that_is_away_for_a_while_loses_nothing(rig):
    rig.settle()
    good = rig.cpus()

    rig.node.host.is_away = True
    rig.run(30)
    assert rig.executor.heartbeat().health
    rig.node.host.is_away = False
    rig.run(30)

    assert rig.cpus() == good
    assert rig.job().decision.phase == "settled"
    assert not rig.executor.heartbeat().health


def test_a_write_that_does_not_take_is_reported_and_not_believed(rig):
    rig.node.ignore_writes("resnet")

    rig.run(40)

    assert rig.job().in_force.cpus == rig.ports.topology.ids
    assert any("resnet" in line and "in force" in line for line in rig.executor.heartbeat().health)
    assert {sample.n_cpus for sample in rig.samples} == {128}


def test_a_server_restarted_with_counters_at_zero_begins_a_new_window(rig):
    rig.settle()
    n_before = len(rig.samples)

    rig.node.restart("resnet")
    rig.run(20)

    assert len(rig.samples) > n_before
    assert all(sample.served_rate_per_s > 0 for sample in rig.samples)
    assert rig.job().decision.phase == "settled"


def test_without_a_power_reading_nothing_is_tried(rig):
    rig.node.power_meter.is_silent = True

    rig.run(60)

    assert rig.cpus() == rig.ports.topology.ids
    assert {sample.node_power_w for sample in rig.samples} == {None}
    assert {sample.power_source for sample in rig.samples} == {None}
    assert any(line.startswith("power: ") for line in rig.executor.heartbeat().health)


def test_a_job_that_falls_idle_in_a_probe_goes_back_to_what_is_proven(rig):
    rig.run_until(lambda: _is_probing(rig))
    rig.node.set_rate("resnet", 0.02)

    rig.run(rig.settings.max_window_s + 10)

    assert rig.executor.heartbeat().jobs[0].state == "idle"
    assert rig.job().in_force.arm is not Arm.PROBE


def test_cpus_that_go_offline_are_not_given_and_come_back_by_themselves(rig):
    rig.settle()
    mine = rig.cpus()
    gone = frozenset(sorted(mine)[:8])

    rig.node.take_offline(gone)
    rig.run(3)
    status = rig.executor.heartbeat().jobs[0]
    rig.run_until(lambda: len(rig.cpus()) > len(mine))
    rig.settle()

    assert status.cpuset == format_cpu_list(mine - gone)
    assert status.layout is None
    assert not rig.cpus() & gone
    assert rig.job().hold is None
    assert rig.node.true_latency_ms("resnet") <= 7.0 * 1.003
    rig.node.bring_online(gone)
    rig.run(5)
    assert rig.job().hold is None
    rig.executor.stop()
    assert rig.cpus() == rig.ports.topology.ids


def _is_probing(rig: object) -> bool:
    runs = rig.executor.runs
    return bool(runs) and runs[0].in_force.arm is Arm.PROBE
