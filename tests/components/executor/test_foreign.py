"""What other people say and do: holds, pauses, maintenance, foreign changes, another node."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from components.executor.commands import Commands
from components.executor.errors import CommandError, ExecutorSettingsError
from components.executor.held import Held
from components.executor.node_state import NodeState, state_from_object, state_to_object
from components.executor.quiet_time import parse_quiet_time
from components.executor.wire import Command
from components.planning.guard import Rule
from components.telemetry.sample import Arm


@pytest.fixture
def ask(rig):
    def do(verb, **arguments):
        return Commands(rig.executor, rig.overrides).do(Command(verb, arguments))

    return do


def test_a_hold_puts_a_job_on_given_cpus_and_outlives_a_restart(rig, ask):
    rig.settle()

    said = ask("hold", job="resnet", cpus="0-7", for_s=600.0, reason="the emergency of the week")
    rig.start()
    rig.run(60)

    assert said == {"job": "resnet", "held": True, "cpuset": "0-7"}
    assert rig.cpus() == frozenset(range(8))
    assert rig.job().in_force.arm is Arm.OPERATOR
    assert "emergency of the week" in rig.job().ruling.reason


def test_a_hold_ends_by_itself_and_the_job_is_searched_again(rig, ask):
    rig.settle()
    ask("hold", job="resnet", cpus="0-7", for_s=30.0)

    rig.run(40)
    assert rig.job().hold is None
    assert rig.store.state.holds == {}
    rig.run(200)

    assert rig.cpus() != frozenset(range(8))
    assert rig.node.true_latency_ms("resnet") <= 7.0 * 1.003


def test_a_hold_that_was_over_while_nobody_ran_is_not_entered_again(rig, ask):
    rig.settle()
    ask("hold", job="resnet", cpus="0-7", for_s=30.0)

    rig.node.clock.sleep(60)
    rig.start()
    rig.run(10)

    assert rig.job().hold is None


@pytest.mark.parametrize("cpus", ["500", "126-200"])
def test_cpus_there_are_not_are_refused_and_nothing_is_held(rig, ask, cpus):
    rig.run(10)

    with pytest.raises(CommandError, match="online are"):
        ask("hold", job="resnet", cpus=cpus)

    assert rig.job().hold is None
    assert rig.store.state.holds == {}


def test_after_a_hold_and_a_stop_the_original_is_back(rig, ask):
    rig.run(10)
    ask("hold", job="resnet", cpus="0-7")

    rig.executor.stop()

    assert rig.cpus() == rig.ports.topology.ids


def test_one_job_can_be_paused_and_resumed(make_two_jobs):
    rig = make_two_jobs()
    commands = Commands(rig.executor, rig.overrides)
    rig.run(20)
    commands.do(Command("pause", {"job": "first"}))
    held = rig.cpus("first")

    rig.run(300)
    assert rig.cpus("first") == held
    assert rig.job("second").decision.phase == "settled"
    assert commands.do(Command("resume", {"job": "first"})) == {"paused": False}
    rig.settle("first")


def test_a_pause_for_a_while_ends_by_itself(rig, ask):
    rig.run(2)
    ask("pause", for_s=120.0)
    rig.run(100)
    assert rig.executor.is_paused
    assert rig.cpus() == rig.ports.topology.ids

    rig.run(30)

    assert not rig.executor.is_paused
    rig.settle()


def test_nothing_is_changed_in_a_maintenance_window(make_rig):
    rig = make_rig()
    now = datetime.fromtimestamp(rig.node.clock.now_s(), tz=UTC)
    span = f"{now - timedelta(minutes=1):%H:%M}-{now + timedelta(minutes=10):%H:%M}"
    rig.settings = replace(rig.settings, quiet_times=(parse_quiet_time(span),))
    rig.start()

    rig.run(300)
    assert rig.cpus() == rig.ports.topology.ids
    assert rig.job().ruling.rule is Rule.PAUSED
    rig.run(360)

    assert rig.cpus() != rig.ports.topology.ids


@pytest.mark.parametrize(
    ("text", "when", "is_in"),
    [
        ("02:00-04:00", "2026-11-21T03:00", True),
        ("02:00-04:00", "2026-11-21T04:00", False),
        ("sat 22:00-04:00", "2026-11-21T23:00", True),
        ("sat 22:00-04:00", "2026-11-22T03:59", True),
        ("sat 22:00-04:00", "2026-11-23T03:00", False),
        ("sun 22:00-04:00", "2026-11-21T23:00", False),
    ],
)
def test_a_maintenance_window_may_reach_over_midnight(text, when, is_in):
    assert parse_quiet_time(text).holds(datetime.fromisoformat(when)) is is_in


@pytest.mark.parametrize("text", ["", "25:00-26:00", "02:00-02:00", "someday 02:00-03:00"])
def test_what_is_no_span_is_refused(text):
    with pytest.raises(ExecutorSettingsError, match="no span"):
        parse_quiet_time(text)


def test_a_node_that_changed_drops_to_recommend_says_so_and_goes_on_when_told(rig, ask):
    rig.settle()
    governor = next(rig.node.sysfs.glob("devices/system/cpu/cpu0/cpufreq/scaling_governor"))
    before = rig.executor.heartbeat().fingerprint
    for file in rig.node.sysfs.glob("devices/system/cpu/cpu*/cpufreq/scaling_governor"):
        file.write_text("powersave\n")

    rig.run(70)

    beat = rig.executor.heartbeat()
    assert governor.read_text() == "powersave\n"
    assert beat.fingerprint != before
    assert beat.jobs[0].mode == "recommend"
    assert any("governor is powersave, was performance" in line for line in beat.health)
    assert rig.cpus() == rig.ports.topology.ids
    assert rig.samples[-1].fingerprint == beat.fingerprint

    ask("resume")
    rig.settle()
    assert rig.job().mode == "auto"
    assert not rig.executor.heartbeat().health


def test_a_node_that_changed_while_nobody_ran_is_noticed_at_the_start(rig):
    rig.settle()
    rig.executor.stop()
    for file in rig.node.sysfs.glob("devices/system/cpu/cpu*/cpufreq/scaling_governor"):
        file.write_text("powersave\n")

    rig.start()
    rig.run(30)

    assert rig.executor.heartbeat().jobs[0].mode == "recommend"


def test_a_job_that_does_other_work_is_searched_anew(rig):
    rig.settle()
    seen = rig.job().decision.evidence.measured

    rig.manage("resnet", model="another-net")

    assert len(seen) > 1
    assert not rig.job().decision.evidence.measured
    rig.settle()


def test_what_was_proven_is_known_after_a_restart_and_not_for_another_model(rig):
    rig.settle()
    proven = set(rig.job().decision.memory.proofs)

    rig.start()
    rig.run(6)
    assert proven
    assert set(rig.job().decision.memory.proofs) == proven
    rig.manage("resnet", model="another-net")

    assert not rig.job().decision.memory.proofs


def test_a_state_of_an_older_version_is_read_and_nothing_of_it_is_lost():
    content = state_to_object(NodeState(blocked_digests=("a" * 64,), paused=True))
    for newer in ("paused_until_s", "fingerprint", "facts", "proofs"):
        del content[newer]
    content["holds"] = {"resnet": "kept as a reason alone"}

    state = state_from_object(content)

    assert state.blocked_digests == ("a" * 64,)
    assert state.holds == {"resnet": Held("kept as a reason alone")}
    assert state.paused
