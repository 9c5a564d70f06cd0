"""The benchmark as people run it."""

import json

import pytest

from flows.cli.main import main

FEW = ("allocator", "benchmark", "--family", "usl", "--nodes", "2")


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    monkeypatch.setenv("JOULEPILOT_HOME", str(tmp_path / "home"))


def test_a_table_for_each_noise_and_figures_on_request(tmp_path, capsys):
    folder = tmp_path / "figures"
    assert main([*FEW, "--noise", "0", "0.01", "--figures", str(folder)]) == 0
    printed = capsys.readouterr().out
    assert printed.count("ours, look-ahead") == 2
    assert printed.count("back in 2 windows") == 2
    assert "usl, noise 1.00% a window" in printed
    assert sorted(path.name for path in folder.iterdir()) == [
        "misses-noise-0.01.png",
        "misses-noise-0.png",
        "regret-against-probes-noise-0.01.png",
        "regret-against-probes-noise-0.png",
    ]


def test_rows_for_machines(capsys):
    assert main([*FEW, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    (best,) = [row for row in rows if row["contender"] == "oracle"]
    assert (best["family"], best["noise"], best["n_cases"]) == ("usl", 0.003, 2)
    assert best["regret_mean"] == 0.0


def test_naive_agents_take_part_only_when_asked_for(capsys):
    few_steps = ("--nodes", "1", "--naive-sb3", "--naive-steps", "100")
    assert main([*FEW, *few_steps, "--json"]) == 0
    names = {row["contender"] for row in json.loads(capsys.readouterr().out)}
    assert {"naive SB3 PPO", "naive SB3 DQN"} <= names


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--family", "nowhere"), "'nowhere'"),
        (("--noise", "3"), "from 0 to 0.5"),
        (("--nodes", "0"), "at least 1 node"),
        (("--bundle", "nowhere"), "it is no folder"),
        (("--figures", "/dev/null/figures"), "cannot be made"),
    ],
)
def test_what_cannot_be_is_said_with_what_to_do(words, said, capsys):
    assert main(["allocator", "benchmark", "--nodes", "1", *words]) == 1
    assert said in capsys.readouterr().err
