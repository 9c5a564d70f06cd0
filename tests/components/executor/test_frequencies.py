"""The administrator says at which frequencies the CPUs of a node are to run."""

from __future__ import annotations

from dataclasses import replace

import pytest

from components.executor.settings import ExecutorSettings
from components.node.frequency import Knob, frequency_folders, read_knob

SAYS = '[frequency]\ngovernor = "powersave"\nmost-mhz = 2400\n'


@pytest.fixture
def told(make_rig, tmp_path):
    """A rig with an administrator file, and what writes it."""
    file = tmp_path / "administrator.toml"
    settings = ExecutorSettings(window_s=4.0, min_requests=50, confirm_windows=2)
    settings = replace(settings, holdback_share=0.0, administrator_file=file)
    return make_rig(settings=settings), file.write_text


def clocks(rig) -> set[tuple[str | None, str | None]]:
    folders = frequency_folders(rig.node.sysfs)
    return {(read_knob(f, Knob.GOVERNOR), read_knob(f, Knob.MOST)) for f in folders}


def test_what_it_says_is_set_jobs_are_searched_anew_and_all_is_put_back(told) -> None:
    rig, say = told
    rig.settle()
    assert len(rig.cpus()) < 128
    settled = rig.job().decision

    say(SAYS)
    rig.executor.refresh()

    assert clocks(rig) == {("powersave", "2400000")}
    assert rig.cpus() == rig.node.topology.ids  # at fewer MHz, what was found may be too few
    assert rig.job().decision is not settled
    assert rig.executor.heartbeat().health == ()
    assert rig.job().mode.acts  # we changed the node ourselves: nobody has to agree
    assert rig.executor.stop().complete
    assert clocks(rig) == {("performance", "3500000")}


def test_what_it_says_no_more_is_put_back(told) -> None:
    rig, say = told
    say(SAYS)
    rig.run(2)
    say("")
    rig.executor.refresh()
    assert clocks(rig) == {("performance", "3500000")}


def test_what_the_node_cannot_do_is_a_line_of_health_and_tried_once(told) -> None:
    rig, say = told
    say('[frequency]\ngovernor = "turbo"\n')
    rig.run(2)
    rig.settle()
    narrow = rig.cpus()
    rig.executor.refresh()
    assert "'turbo' is none of performance, powersave" in " ".join(rig.executor.heartbeat().health)
    assert rig.cpus() == narrow
    assert clocks(rig) == {("performance", "3500000")}


def test_a_node_that_is_paused_keeps_its_frequencies(told) -> None:
    rig, say = told
    rig.run(1)
    rig.executor.followed = replace(rig.executor.followed, paused=True)
    say(SAYS)
    rig.executor.refresh()
    assert clocks(rig) == {("performance", "3500000")}
