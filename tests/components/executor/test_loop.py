"""The whole executor on the made-up reference node."""

from __future__ import annotations

from datetime import timedelta

import pytest

from components.jobs.candidate import Candidate
from components.madeup.reference_node import best_candidate, reference_surface
from components.node.placement import Layout
from components.planning.reserve import usable_cpus
from components.policy.candidates import candidates_of
from components.telemetry.sample import Arm


@pytest.mark.parametrize("target_ms", [5.0, 7.0, 10.0, 15.0])
def test_it_settles_near_the_least_power_that_keeps_the_target(make_rig, target_ms):
    rig = make_rig(target_ms=target_ms)

    rig.settle()

    surface = reference_surface(target_ms)
    best = best_candidate(target_ms, candidates_of(surface.topology))
    chosen = rig.job().in_force.candidate
    latency_ms = float(surface.latency_ms([chosen])[0])
    regret = float(surface.power_w([chosen])[0] / surface.power_w([best])[0]) - 1
    assert latency_ms <= target_ms * 1.002
    assert regret < 0.08
    assert rig.cpus() == rig.job().in_force.cpus


def test_every_sample_names_its_arm_decision_policy_and_propensity(rig):
    rig.settle()
    rig.run(20)

    arms = [sample.arm for sample in rig.samples]
    assert arms[0] is Arm.ORIGINAL
    assert Arm.PROBE in arms
    assert arms[-1] is Arm.POLICY
    for sample in rig.samples:
        assert sample.decision_id
        assert 0 < sample.propensity <= 1
        assert sample.policy_digest == rig.executor.followed.policy_digest
        assert sample.node == "ref"
    assert len({sample.key for sample in rig.samples}) == len(rig.samples)
    by_decision = {(s.decision_id, s.cpuset) for s in rig.samples}
    assert len(by_decision) == len({decision for decision, _ in by_decision})


@pytest.mark.parametrize("least_p", ["1", "0.5"])
def test_how_bold_probes_are_is_said_of_a_job(rig, least_p):
    rig.manage("resnet", probe_min_p=least_p)

    rig.settle()

    best = best_candidate(7.0, candidates_of(reference_surface(7.0).topology))
    is_wider = rig.job().in_force.candidate.n_cpus > best.n_cpus
    assert is_wider is (least_p == "1")


def test_no_window_reaches_over_a_change_of_cpus(rig):
    changes: list[float] = []
    apply = rig.node.host.apply

    def noting(container_id, cpus):
        changes.append(rig.node.clock.now_s())
        return apply(container_id, cpus)

    rig.node.host.apply = noting
    rig.settle()

    assert len(changes) >= 3
    for sample in rig.samples:
        start = sample.window_start.timestamp()
        end = (sample.window_start + timedelta(seconds=sample.window_s)).timestamp()
        assert not any(start - 0.99 < at < end - 1e-3 for at in changes)


def test_a_rise_of_load_widens_at_once_and_ends_within_the_target(rig):
    rig.settle()
    before = rig.job().in_force.candidate
    rig.node.scale_rate("resnet", 1.4)
    changed_s = rig.node.clock.monotonic_s()

    rig.run_until(lambda: rig.job().in_force.candidate != before)
    assert rig.node.clock.monotonic_s() - changed_s <= 3 * 4.0 + 3
    rig.run_until(lambda: len(rig.cpus()) == len(usable_cpus(rig.ports.topology)))
    rig.settle()

    assert rig.node.true_latency_ms("resnet") <= 7.0 * 1.002


def test_a_fall_of_load_is_used_to_narrow(rig):
    rig.settle()
    power_w = rig.node.true_power_w()
    rig.run(40)

    rig.node.scale_rate("resnet", 0.5)
    rig.run_until(lambda: rig.job().decision.phase == "searching")
    rig.settle()

    assert rig.node.true_latency_ms("resnet") <= 7.0 * 1.002
    assert rig.node.true_power_w() < power_w


def test_a_shrink_that_missed_the_target_is_taken_back_and_remembered(rig):
    rig.settle()
    shrunk = rig.job().in_force.candidate
    groups = {rig.ports.topology.by_id[cpu].l3 for cpu in rig.cpus()}
    for group in groups:
        rig.node.slow_l3(group, 1.1)

    rig.run_until(lambda: rig.job().in_force.candidate != shrunk)
    rig.settle()

    assert rig.job().in_force.candidate != shrunk
    assert shrunk in rig.job().decision.evidence.undone
    assert rig.node.true_latency_ms("resnet") <= 7.0 * 1.002


def test_a_new_target_is_searched_from_what_is_known(rig):
    rig.settle()
    n_before = len(rig.samples)

    rig.manage("resnet", target_ms="10")
    rig.settle()

    assert rig.node.true_latency_ms("resnet") <= 10.0 * 1.002
    assert rig.samples[-1].target_ms == 10.0
    assert len(rig.samples) - n_before < 16


def test_limits_of_the_owner_hold(rig):
    rig.manage("resnet", min_cpus="30", max_cpus="34")

    rig.settle()

    counts = {sample.n_cpus for sample in rig.samples if sample.arm is not Arm.ORIGINAL}
    assert counts <= set(range(30, 35))


def test_a_target_out_of_reach_ends_with_the_fastest_and_says_so(make_rig):
    rig = make_rig(target_ms=1.0)

    rig.run(1)
    rig.run_until(lambda: rig.job().decision.phase == "infeasible")
    rig.run(10)

    surface = reference_surface(1.0)
    mine = float(surface.latency_ms([rig.job().in_force.candidate])[0])
    widest = Candidate(len(usable_cpus(rig.ports.topology)), Layout.COMPACT)
    assert mine <= float(surface.latency_ms([widest])[0]) * 1.05
    assert rig.executor.heartbeat().jobs[0].state == "infeasible"


def test_two_jobs_never_share_cpus_we_gave_and_one_probes_at_a_time(make_two_jobs):
    rig = make_two_jobs()
    probing: set[tuple[str, ...]] = set()
    for _ in range(300):
        rig.run(1)
        placed = [run for run in rig.executor.runs if run.in_force.is_placed]
        probing.add(tuple(r.name for r in placed if r.in_force.arm is Arm.PROBE))
        assert len(placed) < 2 or not (placed[0].in_force.cpus & placed[1].in_force.cpus)

    assert {run.decision.phase.value for run in rig.executor.runs} == {"settled"}
    assert all(len(names) <= 1 for names in probing)
    assert rig.node.true_latency_ms("first") <= 15.0 * 1.003
    assert rig.node.true_latency_ms("second") <= 12.0 * 1.003


def test_windows_of_a_slow_job_grow_until_they_can_be_judged(rig):
    rig.node.set_rate("resnet", 5.0)

    rig.run(60)

    judged = [sample for sample in rig.samples if sample.latency_mean_ms <= 7.0]  # none cut short
    assert judged
    assert all(9.0 <= sample.window_s <= 12.0 for sample in judged)
    assert rig.job().decision.phase != "watching"


def test_the_heartbeat_of_a_fast_node_keeps_to_wall_time(rig):
    rig.run(300)

    assert len(rig.published.heartbeats) <= 5
    assert rig.published.heartbeats[0].node == "ref"
