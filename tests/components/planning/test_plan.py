"""The plan: room for every job, one probe at a time, never an overlap of our making."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from components.jobs.candidate import Candidate
from components.node.placement import Layout, place
from components.node.topology import grid_topology
from components.planning.plan import choose_cpus, plan
from components.planning.reserve import claims_of, reserved_cpus, usable_cpus
from components.planning.wish import Purpose, Wish

BIG = grid_topology(sockets=2, l3_per_socket=2, cores_per_l3=4, threads_per_core=2)
SMALL = grid_topology(sockets=1, l3_per_socket=1, cores_per_l3=2, threads_per_core=1)
USABLE = usable_cpus(BIG)

counts = st.integers(1, len(USABLE))
layouts = st.sampled_from(list(Layout))
purposes = st.sampled_from(list(Purpose))


def wish(job: str, purpose: Purpose, n: int, current: frozenset[int], **more: object) -> Wish:
    candidate = None if purpose is Purpose.KEEP else Candidate(n)
    return Wish(job, purpose, candidate, current, more.pop("is_placed", True), **more)


@st.composite
def placed_jobs(draw: st.DrawFn) -> list[Wish]:
    """Up to four jobs, some placed without overlap, some still on all CPUs."""
    wishes, taken = [], reserved_cpus(BIG)
    for number in range(draw(st.integers(1, 4))):
        free = len(BIG.ids - taken)
        is_placed = draw(st.booleans()) and free > 0
        current = BIG.ids
        if is_placed:
            current = place(BIG, draw(st.integers(1, free)), draw(layouts), taken=taken)
            taken |= current
        purpose = draw(purposes)
        candidate = None if purpose is Purpose.KEEP else Candidate(draw(counts), draw(layouts))
        wishes.append(Wish(f"job{number}", purpose, candidate, current, is_placed))
    return wishes


@given(placed_jobs())
def test_what_we_place_never_overlaps_not_even_between_two_changes(wishes):
    planned = plan(wishes, BIG)

    now = {w.job: w.current for w in wishes if w.is_placed}
    for change in planned.changes:
        now[change.job] = change.allocation.cpus
        jobs = list(now)
        for i, one in enumerate(jobs):
            for other in jobs[i + 1 :]:
                assert not now[one] & now[other]


@given(placed_jobs())
def test_what_is_given_is_what_was_asked_within_the_usable_cpus(wishes):
    asked = {w.job: w for w in wishes}

    for change in plan(wishes, BIG).changes:
        assert change.allocation.cpus
        assert change.allocation.cpus <= USABLE
        if change.purpose is not Purpose.EMERGENCY:
            assert change.allocation.candidate == asked[change.job].candidate


@given(placed_jobs(), st.sampled_from(["job0", "job1", "job2", "job3", None]))
def test_at_most_one_job_probes(wishes, prober):
    planned = plan(wishes, BIG, prober=prober)

    probing = [c.job for c in planned.changes if c.purpose is Purpose.PROBE]
    assert len(probing) <= 1
    assert all(job == planned.prober for job in probing)


@given(placed_jobs())
def test_widenings_come_before_narrowings(wishes):
    widths = {w.job: len(w.current) for w in wishes}

    grows = [len(c.allocation.cpus) > widths[c.job] for c in plan(wishes, BIG).changes]

    assert grows == sorted(grows, reverse=True)


@given(placed_jobs())
def test_every_wish_that_is_not_met_is_denied_with_a_reason(wishes):
    planned = plan(wishes, BIG)

    met = {change.job for change in planned.changes}
    for one in wishes:
        wants = one.candidate is not None and one.purpose is not Purpose.KEEP
        assert (one.job in met) != (one.job in planned.denials) or not wants


def test_who_probes_goes_on_probing_though_another_has_priority():
    current = frozenset({0, 1})
    wishes = [
        wish("first", Purpose.PROBE, 2, current, is_fulfilled=True),
        wish("second", Purpose.PROBE, 2, frozenset({4, 5}), priority=9),
    ]

    planned = plan(wishes, BIG, prober="first")

    assert planned.prober == "first"
    assert "first is probing" in planned.denials["second"]


def test_without_a_prober_the_highest_priority_probes_first():
    wishes = [
        wish("first", Purpose.PROBE, 2, frozenset({0, 1})),
        wish("second", Purpose.PROBE, 2, frozenset({4, 5}), priority=9),
    ]

    assert plan(wishes, BIG).prober == "second"


def test_a_confirmation_keeps_the_turn():
    wishes = [
        wish("first", Purpose.CONFIRM, 2, frozenset({0, 1}), is_fulfilled=True),
        wish("second", Purpose.PROBE, 2, frozenset({4, 5})),
    ]

    assert plan(wishes, BIG, prober="first").prober == "first"


def test_an_emergency_with_too_little_room_takes_what_is_free():
    mine, theirs = frozenset({0, 1}), USABLE - frozenset({0, 1, 2})

    planned = plan(
        [wish("mine", Purpose.EMERGENCY, 12, mine), wish("theirs", Purpose.KEEP, 1, theirs)], BIG
    )

    (change,) = planned.changes
    assert change.allocation.cpus == frozenset({0, 1, 2})


def test_a_job_on_its_owners_cpus_stands_in_nobodys_way():
    wishes = [
        wish("mine", Purpose.PROBE, len(USABLE), BIG.ids, is_placed=False),
        wish("theirs", Purpose.KEEP, 1, BIG.ids, is_placed=False),
    ]

    assert plan(wishes, BIG).changes[0].allocation.cpus == USABLE


def test_jobs_of_a_small_node_keep_apart_while_there_is_room_and_share_then():
    one = choose_cpus(SMALL, Candidate(1), SMALL.ids, {"other": frozenset({0})})
    both = choose_cpus(SMALL, Candidate(2), SMALL.ids, {"other": frozenset({0})})

    assert one == frozenset({1})
    assert both == SMALL.ids


def test_a_small_node_reserves_nothing_and_a_large_one_the_last_siblings():
    reference = grid_topology(sockets=2, l3_per_socket=4, cores_per_l3=8, threads_per_core=2)

    assert reserved_cpus(SMALL) == frozenset()
    assert reserved_cpus(BIG) == frozenset({31})
    assert reserved_cpus(reference) == frozenset({126, 127})
    assert all(reference.by_id[cpu].thread == 1 for cpu in reserved_cpus(reference))


def test_a_job_may_have_what_others_do_not_have_or_have_a_right_to():
    placed = wish("mine", Purpose.KEEP, 1, frozenset(range(10)))
    new = wish("theirs", Purpose.KEEP, 1, BIG.ids, is_placed=False)

    assert claims_of(BIG, [placed, new]).budget("theirs") == len(USABLE) - 10
    assert claims_of(BIG, [placed, new]).budget("mine") == len(USABLE) - len(USABLE) // 2
    assert claims_of(SMALL, [placed, new]).budget("mine") == 2
