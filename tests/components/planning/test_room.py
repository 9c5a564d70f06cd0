"""Falling back: into CPUs that were good once, and never into another job's."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from components.jobs.candidate import Allocation, Candidate
from components.node.placement import Layout
from components.node.topology import grid_topology
from components.planning.guard import Limits, Rule, Situation, fall_back
from components.planning.reserve import reserved_cpus, usable_cpus
from components.planning.room import Room

NODE = grid_topology(sockets=2, l3_per_socket=2, cores_per_l3=2, threads_per_core=2)
USABLE = usable_cpus(NODE)
NONE: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Placed:
    """A job that was given CPUs, and what was good for it before."""

    cpus: frozenset[int]
    good: Allocation


@st.composite
def nodes_in_use(draw: st.DrawFn) -> dict[str, Placed]:
    """Up to four jobs apart from each other; what was good for them lies anywhere."""
    free = list(draw(st.permutations(sorted(USABLE))))
    jobs = {}
    for number in range(draw(st.integers(1, 4))):
        n_cpus = draw(st.integers(1, 3))
        cpus, free = frozenset(free[:n_cpus]), free[n_cpus:]
        good = draw(st.frozensets(st.sampled_from(sorted(USABLE)), min_size=1, max_size=8))
        layout = draw(st.sampled_from(list(Layout)))
        jobs[f"job-{number}"] = Placed(cpus, Allocation(Candidate(len(good), layout), good))
    return jobs


@given(nodes_in_use(), st.data())
def test_whoever_falls_back_in_whatever_order_no_cpu_has_two_jobs(jobs, data):
    room = Room(NODE, {name: job.cpus for name, job in jobs.items()})
    final = {name: job.cpus for name, job in jobs.items()}

    for name in data.draw(st.permutations(sorted(jobs))):
        good = room.refuge(name, jobs[name].good, jobs[name].cpus)
        ruling = fall_back(situation(jobs[name], good), LIMITS, Rule.NO_TELEMETRY, "for this test")
        room.claim(name, ruling.cpus)
        final[name] = ruling.cpus

    assert sum(len(cpus) for cpus in final.values()) == len(NONE.union(*final.values()))
    assert all(cpus <= USABLE for cpus in final.values())


@given(nodes_in_use())
def test_it_gets_as_many_as_were_good_or_all_that_is_free_and_never_less_than_it_has(jobs):
    room = Room(NODE, {name: job.cpus for name, job in jobs.items()})
    for name, job in jobs.items():
        others = NONE.union(*(o.cpus for other, o in jobs.items() if other != name))

        found = room.refuge(name, job.good, job.cpus)

        assert found is not None
        n_good, n_free = len(job.good.cpus), len(USABLE - others)
        assert len(found.cpus) == min(n_good, n_free)
        assert len(found.cpus) >= min(n_good, len(job.cpus))
        assert not job.good.cpus.isdisjoint(others) or found == job.good


def test_what_is_about_to_be_given_to_another_job_is_not_fallen_back_into():
    room = Room(NODE, {"web": frozenset({0})})
    room.claim("batch", frozenset({1, 2}))

    found = room.refuge("web", Allocation(Candidate(2), frozenset({1, 2})), frozenset({0}))

    assert found is not None
    assert len(found.cpus) == 2
    assert not found.cpus & {1, 2}


def test_where_nothing_is_free_only_the_cpus_of_its_owner_are_left():
    room = Room(NODE, {"web": USABLE})

    found = room.refuge("late", Allocation(Candidate(1), frozenset({0})), NODE.ids)

    assert found is None


def test_a_node_so_small_that_all_is_shared_gives_back_what_was_good():
    tiny = grid_topology(sockets=1, l3_per_socket=1, cores_per_l3=2, threads_per_core=1)
    good = Allocation(Candidate(1), frozenset({0}))

    assert Room(tiny, {"web": frozenset({0, 1})}).refuge("late", good, frozenset({1})) == good


def situation(job: Placed, good: Allocation | None) -> Situation:
    return Situation(
        mode_acts=True,
        paused=False,
        held=None,
        has_policy=True,
        has_telemetry=False,
        current=job.cpus,
        current_candidate=None,
        is_probing=False,
        last_good=good,
        original=NODE.ids,
        since_commit_s=None,
    )


LIMITS = Limits(allowed=NODE.ids - reserved_cpus(NODE), min_cpus=1, max_cpus=len(USABLE))
