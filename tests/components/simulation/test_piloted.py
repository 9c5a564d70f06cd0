"""The executor plans several jobs together, and keeps to what the administrator says."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from components.simulation import piloted
from components.simulation.cast import draw_cast
from components.simulation.piloted import play_joulepilot
from components.simulation.play import Scribe
from components.simulation.world import World

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from components.policy.brain import Brain
    from components.simulation.play import Record
    from components.simulation.scenario import Scenario


class Noting(Scribe):
    """Keeps what jobs held in each step, too."""

    held: list[dict[str, frozenset[int]]]

    def note(self, step, held, *more) -> None:
        self.held[step:] = [dict(held)]
        super().note(step, held, *more)


def play_noting(
    world: World, brain: Brain, home: Path, monkeypatch: pytest.MonkeyPatch, says: str = ""
) -> tuple[Record, list[dict[str, frozenset[int]]]]:
    held: list[dict[str, frozenset[int]]] = []
    monkeypatch.setattr(Noting, "held", held, raising=False)
    monkeypatch.setattr(piloted, "Scribe", Noting)
    file = home / "administrator.toml"
    file.write_text(says)
    record = play_joulepilot(
        world, brain, home / "node", name="x", is_joint=True, administrator=file
    )
    return record, held


def test_jobs_planned_together_never_share_a_cpu_and_never_get_the_reserve(
    small: Scenario, brain: Brain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(draw_cast(small, 3))
    record, held = play_noting(world, brain, tmp_path, monkeypatch)
    placed = held[3:]
    assert placed
    for step in placed:
        sets = list(step.values())
        assert sum(map(len, sets)) == len(frozenset().union(*sets))
    assert record.power_w[-10:].mean() < 0.8 * world.all_cpus_w


def test_protected_cpus_and_containers_stay_untouched(
    small: Scenario, brain: Brain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(draw_cast(small, 3))
    spared = world.cast.players[0].name
    says = f'protected-cpus = "0-1"\nnever-touch = ["{spared}"]'
    _, held = play_noting(world, brain, tmp_path, monkeypatch, says)
    for step in held[3:]:
        assert step[spared] == world.cast.topology.ids
        others = [cpus for name, cpus in step.items() if name != spared]
        assert not frozenset().union(*others) & {0, 1}


def test_outside_the_allowed_hours_nothing_is_changed(
    small: Scenario, brain: Brain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(draw_cast(replace(small, hours=0.05), 3))
    _, held = play_noting(world, brain, tmp_path, monkeypatch, 'hours = "00:00-00:00"')
    assert all(cpus == world.cast.topology.ids for step in held for cpus in step.values())


def test_under_a_power_cap_the_job_of_least_priority_gives_way(
    small: Scenario, brain: Brain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(draw_cast(small, 3))
    (tmp_path / "free").mkdir()
    free, _ = play_noting(world, brain, tmp_path / "free", monkeypatch)
    settled_w = float(free.power_w[-10:].mean())
    idle_w = world.cast.platform.idle_w
    cap_w = idle_w + 0.8 * (settled_w - idle_w)
    (tmp_path / "capped").mkdir()
    capped, _ = play_noting(
        world, brain, tmp_path / "capped", monkeypatch, f"power-cap-w = {cap_w:.1f}"
    )
    assert capped.power_w[-10:].mean() <= 1.02 * cap_w
    last, first = -1, 0  # players come in order of falling priority
    assert capped.n_cpus[-10:, last].mean() < free.n_cpus[-10:, last].mean()
    assert (capped.latency[-10:, first] <= 1.0).all()
