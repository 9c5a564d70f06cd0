"""Scenarios as people write them, and the loads they name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from components.simulation.cast import draw_cast
from components.simulation.errors import ScenarioError
from components.simulation.scenario import Scenario, read_scenario, shipped_scenarios
from components.simulation.traces import Load, Shape, factors

HERE = Path()


def test_every_shipped_scenario_can_be_read_and_drawn() -> None:
    names = set(shipped_scenarios())
    assert {"constant", "diurnal", "bursty", "step", "model-swap", "noisy-neighbour"} <= names
    for path in shipped_scenarios().values():
        scenario = read_scenario(path)
        assert scenario.about
        assert scenario.n_steps == (360 if scenario.carbon is None else 8640)
        assert len(draw_cast(scenario, 1).players) == scenario.jobs.n


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("hours = 'x", "end of document"),
        ("surprise = 1", "unknown: surprise"),
        ("[jobs]\nn = 0", "1 to 64 jobs"),
        ("[jobs]\nfamilies = ['linear']", "families are of"),
        ("[[load]]\nshape = 'square'", "square"),
        ("[[load]]\njobs = [99]", "jobs that there are"),
        ("[[event]]\nkind = 'power-cap'\nfrom_s = 0\nfactor = -1", "above 0"),
        ("[[event]]\nkind = 'power-cap'", "from_s"),
        ("carbon = 'x.csv'", "the other way"),
        ("[node]\nsocket = 2", "known are sockets"),
    ],
)
def test_what_is_wrong_with_a_scenario_is_said(tmp_path: Path, text: str, found: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(ScenarioError, match=r"mine\.toml") as error:
        read_scenario(path)
    assert found in str(error.value)


def test_a_load_may_come_from_a_csv(tmp_path: Path) -> None:
    (tmp_path / "trace.csv").write_text("second,requests per second\n0,100\n30,300\n")
    value = factors(Load(csv="trace.csv"), 6, 10.0, np.random.default_rng(0), tmp_path)
    assert value == pytest.approx([0.5, 0.5, 0.5, 1.5, 1.5, 1.5])
    (tmp_path / "trace.csv").write_text("0,100\n0,-3\n")
    with pytest.raises(ScenarioError, match="ascend"):
        factors(Load(csv="trace.csv"), 6, 10.0, np.random.default_rng(0), tmp_path)


def test_loads_have_the_shape_they_are_named_after() -> None:
    rng = np.random.default_rng(0)
    sine = factors(Load(shape=Shape.DIURNAL, low=0.5, high=1.5), 360, 10.0, rng, HERE)
    assert sine.min() == pytest.approx(0.5, abs=0.01)
    assert sine.max() == pytest.approx(1.5, abs=0.01)
    bursts = factors(Load(shape=Shape.BURSTY, high=2.0, period_s=600), 360, 10.0, rng, HERE)
    assert set(bursts) == {1.0, 2.0}
    step = factors(Load(shape=Shape.STEP, high=2.0, at_s=100), 20, 10.0, rng, HERE)
    assert step.tolist() == [1.0] * 10 + [2.0] * 10


def test_the_same_seed_draws_the_same_cast_and_another_another() -> None:
    first, again, other = (draw_cast(Scenario(name="x"), seed) for seed in (4, 4, 5))
    assert [p.target_ms for p in first.players] == [p.target_ms for p in again.players]
    assert [p.target_ms for p in first.players] != [p.target_ms for p in other.players]
