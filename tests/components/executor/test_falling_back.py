"""Two jobs on one node, one of which has to fall back: what was good for it is another's by now."""

from __future__ import annotations

from components.executor.followed import Followed
from components.jobs.candidate import Allocation, Candidate
from components.planning.guard import Rule
from components.telemetry.sample import Arm


def test_a_job_falls_back_beside_the_job_that_has_its_cpus_now(make_two_jobs, make_fixed):
    rig = make_two_jobs()
    rig.executor.following = make_fixed(Followed())  # no policy any more
    rig.run(1)
    give(rig, "first", frozenset({0, 1}))
    give(rig, "second", frozenset(range(2, 10)))
    rig.job("second").last_good = Allocation(Candidate(8), rig.cpus("second"))
    rig.job("first").last_good = Allocation(Candidate(6), frozenset(range(2, 8)))

    rig.run(2)

    assert rig.job("first").ruling.rule is Rule.NO_POLICY
    assert len(rig.cpus("first")) == 6
    assert rig.cpus("second") == frozenset(range(2, 10))
    assert not rig.cpus("first") & rig.cpus("second")


def give(rig, name: str, cpus: frozenset[int]) -> None:
    """Place a job where a policy, now gone, had placed it."""
    run = rig.job(name)
    got = rig.executor.actor.set(run.container, cpus)
    run.put_in_force(got, Candidate(len(got)), Arm.POLICY, is_placed=True)
