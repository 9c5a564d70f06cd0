"""The paper's experiment at a small size, through spool, lake, checks and surfaces."""

import json

import pytest

from components.lake.lake import Lake
from components.lake.schema import Table
from components.settings.settings import Settings
from flows.cli.main import main
from flows.paper_experiment import run_experiment
from models.allocator.paper_nodes import jittered_nodes, reference_nodes
from models.allocator.paper_recording import SweepPlan

PLAN = SweepPlan(max_cpus=32, n_rounds=2)
TARGETS_MS = (7.0, 10.0, 15.0)
KEYS = {
    "seed", "target_ms", "n_cpus", "optimal_n_cpus", "paper_n_cpus", "latency_ms", "power_w",
    "meets_target",
}  # fmt: skip


def experiment(home, nodes, **changes):
    return run_experiment(
        Settings(home=home),
        nodes,
        TARGETS_MS,
        plan=PLAN,
        progress=lambda *_: None,
        **({"noise": 0.003} | changes),
    )


@pytest.mark.parametrize("noise", [0.003, 0.02])
def test_recorded_telemetry_teaches_the_optimum_also_through_noise(tmp_path, noise):
    done = experiment(tmp_path, reference_nodes(2), noise=noise)
    assert [(r.seed, r.n_cpus) for r in done.rows] == [
        (0, 25), (0, 15), (0, 11), (1, 25), (1, 15), (1, 11)
    ]  # fmt: skip
    assert all(row.meets_target and row.is_exact for row in done.rows)
    samples = Lake(tmp_path / "lake").samples()
    assert set(samples["origin"]) == {"simulated"}
    assert set(samples["arm"]) == {"sweep"}
    assert samples["node"].str.startswith("simulated-").all()
    assert len(samples) == done.recorded.n_samples
    assert samples["cpu_utilization"].map(len).eq(128).all()
    assert len(Lake(tmp_path / "lake").read(Table.RAW)) == done.recorded.n_samples
    if noise > 0.01:
        held = samples.groupby(["node", "n_cpus"]).size()
        assert held.min() == 4
        assert held.max() > 16  # longer next to a target


def test_jittered_nodes_have_optima_of_their_own_and_each_is_found(tmp_path):
    done = experiment(tmp_path, jittered_nodes(3))
    assert all(row.is_exact and row.meets_target for row in done.rows)
    assert len({row.optimal_n_cpus for row in done.rows if row.target_ms == 7.0}) > 1


def test_the_command_prints_rows_for_machines_and_draws_the_figure(tmp_path, capsys):
    figure = tmp_path / "figure.png"
    flags = ["--targets-ms", "7", "--seeds", "2", "--json", "--figure", str(figure)]
    assert main(["allocator", "paper", *flags]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row.keys() for row in rows] == [KEYS, KEYS]
    assert [(row["seed"], row["n_cpus"], row["optimal_n_cpus"]) for row in rows] == [
        (0, 25, 25),
        (1, 25, 25),
    ]
    assert figure.read_bytes().startswith(b"\x89PNG")


def test_a_target_that_is_none_is_refused(capsys):
    assert main(["allocator", "paper", "--targets-ms", "-7"]) == 1
    assert "a target is above 0" in capsys.readouterr().err
