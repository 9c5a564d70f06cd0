"""Steps of a drill that are not seen to happen end it."""

from __future__ import annotations

import pytest

from components.settings.settings import resolve
from flows.drill.commands import type_command, wait_until
from flows.errors import DrillError


def test_what_is_so_ends_the_waiting():
    answers = iter([False, True])
    assert wait_until(lambda: next(answers), "a turn", within_s=5.0) > 0


def test_what_does_not_become_so_ends_the_drill():
    with pytest.raises(DrillError, match="a rollback"):
        wait_until(lambda: False, "a rollback", within_s=0.0)


def test_a_command_that_fails_ends_the_drill_with_what_it_said(tmp_path):
    settings = resolve({"home": tmp_path}, environment={}, file=tmp_path / "none").settings
    with pytest.raises(DrillError) as failed:
        type_command(settings, "rollback", "--yes", "--why", "there is nothing to roll back")
    assert "exit code 1" in failed.value.found
