"""Locks on folders: real ones of the kernel."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from components.actuation.claims import Claims
from components.actuation.errors import ContainerGoneError, RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def two() -> Iterator[tuple[Claims, Claims]]:
    two = Claims(), Claims()
    yield two
    for claims in two:
        claims.keep(())


def test_what_one_has_the_other_is_refused_and_told_who_has_it(two, tmp_path: Path) -> None:
    mine, yours = two
    for _ in range(2):
        mine.take("c", tmp_path)

    with pytest.raises(RefusedError, match=f"process {os.getpid()} changes it"):
        yours.take("c", tmp_path)
    mine.leave("c")
    yours.take("c", tmp_path)


def test_a_container_that_was_restarted_is_taken_anew(two, tmp_path: Path) -> None:
    mine, yours = two
    cgroup = tmp_path / "cgroup"
    cgroup.mkdir()
    mine.take("c", cgroup)
    cgroup.rename(tmp_path / "of the first run")
    cgroup.mkdir()

    mine.take("c", cgroup)

    with pytest.raises(RefusedError):
        yours.take("c", cgroup)


def test_what_does_not_run_any_more_is_left(two, tmp_path: Path) -> None:
    mine, yours = two
    mine.take("c", tmp_path)
    mine.keep({"another"})

    yours.take("c", tmp_path)
    with pytest.raises(ContainerGoneError):
        mine.take("d", tmp_path / "gone")
