"""Work that may wait, beside a service on a made-up node: it waits, makes way, is given back."""

from __future__ import annotations

from components.actuation.journal import restore_all
from components.executor.commands import Commands
from components.executor.wire import Command
from components.jobs.live_overrides import LiveOverrides

DIRTY_THEN_CLEAN = (400, 400, *[100] * 70)


def test_it_is_paused_while_power_is_dirty_and_done_by_its_deadline(make_rig):
    rig = make_rig(until_s=600.0, max_cpus="16")
    rig.carbon(*DIRTY_THEN_CLEAN)

    rig.run(110)
    waited = rig.is_paused(), rig.done_cpu_s()
    rig.run(490)

    assert waited[0]
    assert waited[1] < 10.0
    assert rig.done_cpu_s() >= 2000.0


def test_explain_and_status_say_why_it_waits_and_from_when_on_it_goes_on(make_rig):
    rig = make_rig()
    rig.carbon(*DIRTY_THEN_CLEAN)
    rig.run(30)
    commands = Commands(rig.executor, LiveOverrides(rig.home.overrides))

    text = commands.do(Command("explain", {"job": "batch"}))["text"]
    (status,) = commands.do(Command("status", {}))["deferred"]

    assert "paused, because: a joule costs 0.000111 now and 2.78e-05 then" in text
    assert "goes on: 2027-01-15T08:0" in text
    assert status["state"] == "waiting"


def test_it_makes_way_before_a_service_takes_its_cpus_and_widens_afterwards(make_rig):
    rig = make_rig(until_s=300.0)
    rig.run(20)
    rig.place_service(100)
    rig.run(1)
    beside = rig.cpus()
    rig.place_service(20)
    rig.run(20)

    assert beside
    assert not beside & frozenset(range(100))
    assert len(rig.cpus()) > len(beside)
    assert not rig.cpus() & frozenset(range(20))


def test_a_power_cap_narrows_it_and_a_lower_one_pauses_it(make_rig):
    rig = make_rig(until_s=300.0)
    rig.run(20)
    rig.place_service(20)
    rig.run(20)
    wide, power_w = len(rig.cpus()), rig.node.true_power_w()

    rig.administrate(f"power-cap-w = {power_w - 40.0}")
    rig.run(60)
    narrower, capped_w = len(rig.cpus()), rig.node.true_power_w()
    rig.administrate("power-cap-w = 100")
    rig.run(20)

    assert narrower < wide
    assert capped_w <= power_w - 40.0
    assert rig.is_paused()
    assert "the power cap leaves" in rig.work.verdict.reason


def test_what_others_paused_is_left_alone_and_told(make_rig):
    rig = make_rig()
    rig.ports.freezer.freeze(rig.id)

    rig.run(20)

    assert rig.is_paused()
    assert any("someone else paused it" in line for line in rig.executor.heartbeat().health)


def test_a_job_in_recommend_is_told_and_not_paused(make_rig):
    recommended = make_rig(mode="recommend")
    recommended.carbon(*DIRTY_THEN_CLEAN)
    recommended.run(20)
    told = recommended.work.verdict.n_cpus

    assert told == 0
    assert not recommended.is_paused()


def test_at_the_end_it_goes_on_with_what_it_had(make_rig):
    rig = make_rig()
    rig.run(20)
    rig.carbon(*DIRTY_THEN_CLEAN)
    rig.run(20)
    was_paused = rig.is_paused()

    report = rig.executor.stop()

    assert was_paused
    assert report.complete
    assert not rig.is_paused()
    assert rig.cpus() == rig.node.topology.ids


def test_after_a_crash_what_was_paused_is_known_as_ours_and_can_be_resumed_alone(make_rig):
    rig = make_rig()
    rig.carbon(*DIRTY_THEN_CLEAN)
    rig.run(20)
    crashed = rig.executor

    rig.start()
    rig.run(130)
    went_on = not rig.is_paused()
    rig.freezes.freeze(rig.node.container("batch"))
    left_behind = rig.freezes.thaw_all()

    assert crashed.deferrals.runs["batch"].is_frozen
    assert went_on
    assert [one.outcome for one in left_behind] == ["restored"]
    assert restore_all(rig.node.host, rig.executor.journal).complete


def test_a_deadline_that_cannot_be_kept_is_told_and_the_work_runs_at_once(make_rig):
    rig = make_rig(until_s=40.0, max_cpus="2")
    rig.carbon(*DIRTY_THEN_CLEAN)

    rig.run(20)

    assert not rig.is_paused()
    assert "batch will be late" in rig.executor.heartbeat().health
    assert "LATE" in rig.work.explain()
