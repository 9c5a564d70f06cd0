from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from components.jobs.candidate import Candidate
from components.node.errors import TopologyError
from components.node.topology import grid_topology
from models.allocator.node_classes import topology_of_class
from models.allocator.surfaces import compile_surfaces, overlapping_rows


def test_an_empty_lake_gives_no_surface():
    assert compile_surfaces(pd.DataFrame()) == ()


def test_a_sweep_gives_one_surface_per_job_with_its_own_candidates(sweep):
    surfaces = compile_surfaces(sweep)
    assert [(s.topology.n_logical, s.targets_ms) for s in surfaces] == [(128, (7.0,))] + 2 * [
        (2, (7.0,))
    ]
    assert {p.candidate for p in surfaces[1].points} == {Candidate(1), Candidate(2)}


def test_what_is_held_out_is_the_last_third_in_time(sweep):
    surface = compile_surfaces(sweep)[0]
    rows = sweep[sweep["model"] == "resnet"].sort_values("window_start")
    n_learned = sum(p.n_windows for p in (*surface.points, *surface.validation))
    n_held_out = sum(point.n_windows for point in surface.held_out)
    assert n_learned + n_held_out == len(rows)
    assert n_held_out / len(rows) == pytest.approx(1 / 3, abs=0.02)
    last = rows.iloc[n_learned:]
    assert sorted(last["n_cpus"]) == sorted(
        p.candidate.n_cpus for p in surface.held_out for _ in range(p.n_windows)
    )


def test_what_says_when_to_stop_lies_between_both_in_time(sweep):
    surface = compile_surfaces(sweep)[0]
    start = sweep.set_index("row_id")["window_start"]
    learned, validation, held_out = (
        start[list(rows)]
        for rows in (surface.learned_rows, surface.validation_rows, surface.held_out_rows)
    )
    assert learned.max() < validation.min()
    assert validation.max() < held_out.min()
    assert len(validation) == pytest.approx(len(sweep[sweep["model"] == "resnet"]) / 6, abs=1)


def test_what_was_served_on_another_device_is_another_surface(make_row):
    rows = [
        make_row(i, "x-1s2c2t-0", "m", 1, latency_ms, 50.0, device=device)
        for i, (device, latency_ms) in enumerate((("cpu", 8.0), ("dgpu", 4.0)) * 3)
    ]
    surfaces = compile_surfaces(pd.DataFrame(rows))
    assert [surface.points[0].latency_ms for surface in surfaces] == [
        pytest.approx(8.0),
        pytest.approx(4.0),
    ]
    assert " on dgpu batch 1" in surfaces[1].name


def test_nodes_of_one_class_are_kept_apart(make_row):
    rows = [
        make_row(i, "x-1s2c2t-0", "m", 1, latency_ms, 50.0, node=node)
        for i, (node, latency_ms) in enumerate((("well", 4.0), ("ill", 8.0)) * 3)
    ]
    surfaces = compile_surfaces(pd.DataFrame(rows))
    assert [(s.node, s.points[0].latency_ms) for s in surfaces] == [
        ("ill", pytest.approx(8.0)),
        ("well", pytest.approx(4.0)),
    ]


def test_all_that_was_recorded_is_the_mean_of_its_parts(make_row):
    rows = [make_row(i, "x-1s2c2t-0", "m", 1, 2.0 ** (i % 2), 50.0) for i in range(6)]
    surface = compile_surfaces(pd.DataFrame(rows))[0]
    (point,) = surface.every_point
    assert (point.n_windows, point.weight) == (6, 6.0)
    assert point.latency_ms == pytest.approx(2.0**0.5)


def test_changing_what_is_held_out_does_not_change_what_is_learned_from(sweep):
    changed = sweep.copy()
    for _, rows in sweep.groupby("model"):
        late = rows.sort_values("window_start").index[-(len(rows) // 3) :]
        changed.loc[late, "latency_mean_ms"] *= 3.0
    for before, after in zip(compile_surfaces(sweep), compile_surfaces(changed), strict=True):
        assert before.points == after.points
        assert before.noise == after.noise


def test_no_row_is_both_learned_from_and_held_out_and_every_row_is_one_of_both(sweep):
    surfaces = compile_surfaces(sweep)
    assert overlapping_rows(surfaces) == frozenset()
    told = [
        row for s in surfaces for row in (*s.learned_rows, *s.validation_rows, *s.held_out_rows)
    ]
    assert sorted(told) == sorted(sweep["row_id"])


def test_a_row_that_comes_twice_is_found_on_both_sides(sweep):
    later = sweep["window_start"] + timedelta(days=1)
    doubled = pd.concat([sweep, sweep.assign(window_start=later)])
    assert overlapping_rows(compile_surfaces(doubled))


def test_repeats_are_averaged_by_weight_and_keep_their_units(make_row):
    rows = [
        make_row(0, "x-1s2c2t-0", "m", 1, 4.0, 50.0),
        make_row(1, "x-1s2c2t-0", "m", 1, 9.0, 50.0, weight=0.25),
        *(make_row(i, "x-1s2c2t-0", "m", 2, 2.0, 60.0) for i in range(2, 6)),
    ]
    point = compile_surfaces(pd.DataFrame(rows))[0].points[0]
    assert point.latency_ms == pytest.approx(np.exp((np.log(4.0) + 0.25 * np.log(9.0)) / 1.25))
    assert (point.power_w, point.n_windows, point.weight) == (pytest.approx(50.0), 2, 1.25)


def test_the_targets_statistic_says_which_latency_counts(make_row):
    rows = [
        make_row(
            i, "x-1s2c2t-0", "m", 1 + i % 2, 4.0, 50.0, target_statistic="p95", latency_p95_ms=9.0
        )
        for i in range(6)
    ]
    assert compile_surfaces(pd.DataFrame(rows))[0].points[0].latency_ms == pytest.approx(9.0)


def test_other_rates_are_other_surfaces(make_row):
    rows = [
        make_row(i, "x-1s2c2t-0", "m", 1, 4.0, 50.0, offered_rate_per_s=rate)
        for i, rate in enumerate((10.0, 10.2, 30.0, 31.0))
    ]
    assert len(compile_surfaces(pd.DataFrame(rows))) == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"latency_mean_ms": None},
        {"latency_mean_ms": 0.0},
        {"node_power_w": None},
        {"layout": None},
        {"weight": 0.0},
    ],
)
def test_rows_that_say_nothing_are_left_out(make_row, changes):
    rows = [make_row(0, "x-1s2c2t-0", "m", 1, 4.0, 50.0, **changes)]
    assert compile_surfaces(pd.DataFrame(rows)) == ()


def test_the_same_cpus_in_two_layouts_are_one_allocation(make_row):
    rows = [
        make_row(i, "x-1s2c2t-0", "m", 2, 4.0, 50.0, layout=layout)
        for i, layout in enumerate(("spread", "smt", "compact"))
    ]
    surface = compile_surfaces(pd.DataFrame(rows))[0]
    assert {p.candidate for p in (*surface.points, *surface.held_out)} == {Candidate(2)}


def test_windows_that_began_together_stay_on_one_side(make_row):
    rows = [make_row(i // 3, "x-1s2c2t-0", "m", 1 + i % 2, 4.0, 50.0) for i in range(9)]
    frame = pd.DataFrame(rows)
    surface = compile_surfaces(frame)[0]
    n_learned = sum(p.n_windows for p in surface.points)
    cut = frame["window_start"].min() + timedelta(seconds=10 * (n_learned // 3))
    assert n_learned == (frame["window_start"] < cut).sum()


def test_a_class_whose_topology_is_unknown_is_left_out_unless_it_is_given(make_row):
    frame = pd.DataFrame([make_row(i, "mystery", "m", 1 + i % 2, 4.0, 50.0) for i in range(6)])
    topology = grid_topology(sockets=1, l3_per_socket=1, cores_per_l3=2, threads_per_core=1)
    assert compile_surfaces(frame) == ()
    assert len(compile_surfaces(frame, {"mystery": topology})) == 1


def test_a_class_name_says_sockets_cores_and_threads():
    topology = topology_of_class("amd-epyc-7502-2s64c128t-ab12cd34")
    assert (topology.n_sockets, topology.n_physical, topology.n_logical) == (2, 64, 128)
    assert topology.n_l3_groups == 8
    assert topology_of_class("x-1s6c6t-0").n_l3_groups == 1


@pytest.mark.parametrize("name", ["", "amd", "amd-0s4c4t-x", "amd-2s3c3t-x", "amd-1s4c6t-x"])
def test_a_class_name_that_names_no_regular_node_is_refused(name):
    with pytest.raises(TopologyError, match="2s64c128t"):
        topology_of_class(name)
