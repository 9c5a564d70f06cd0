"""An administrator allows so many moves an hour; emergencies pass."""

from __future__ import annotations

from dataclasses import replace

from components.executor.deciding import Change
from components.executor.move_budget import MoveBudget
from components.jobs.candidate import Candidate
from components.planning.wish import Purpose
from components.telemetry.sample import Arm


def test_jobs_keep_to_the_moves_they_are_allowed_and_go_on_when_they_have_some_again(
    make_rig, tmp_path
):
    rig = make_rig()
    file = tmp_path / "administrator.toml"
    file.write_text("most-moves-per-hour = 2\n")
    rig.settings = replace(rig.settings, administrator_file=file)
    rig.start()
    moves, before, told = 0, rig.cpus(), False
    for _ in range(120):
        rig.run(1)
        moves += rig.cpus() != before
        before = rig.cpus()
        told |= rig.job().denied == "its 2 moves an hour are spent"
    after_two_minutes = moves
    rig.node.clock.sleep(1800.0)
    rig.run(60)

    assert after_two_minutes == 2
    assert told
    assert rig.cpus() != before


def test_an_emergency_and_the_original_cpus_are_never_held_back(rig):
    rig.run(1)
    run, budget, conditions = rig.job(), MoveBudget(), rig.executor.conditions(100.0)
    probe = Change(run, frozenset({0}), Candidate(1), Arm.PROBE, 1.0, Purpose.PROBE)
    wider = replace(probe, purpose=Purpose.EMERGENCY)
    original = replace(probe, candidate=None, arm=Arm.ORIGINAL)

    passed = [
        budget.let_through([c], [run], conditions, 1) for c in (probe, probe, wider, original)
    ]

    assert passed == [(probe,), (), (wider,), (original,)]
