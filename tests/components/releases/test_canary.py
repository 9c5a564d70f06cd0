"""A canary in the log: found, ended, and never tried again where it regressed."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from components.releases.canary import DEFAULT_HOURS, End, canary_in_force, end_canary
from components.releases.entry import Kind
from components.releases.errors import ConflictError, RefusedError
from components.releases.log import ReleaseLog
from components.releases.operations import pause, promote, request_sweep, rollback, seed

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from components.releases.canary import Canary
    from components.releases.outcome import Outcome
    from components.releases.verdict import Verdict

    Try = Callable[..., Outcome]

WHO = {"who": "ann", "why": "because"}


@pytest.fixture
def home(tmp_path: Path, make_bundle: Callable[[str], Path]) -> Path:
    seed(tmp_path / "home", make_bundle("shipped"))
    return tmp_path / "home"


@pytest.fixture
def bundle(make_bundle: Callable[[str], Path]) -> Path:
    return make_bundle("challenger")


@pytest.fixture
def try_it(home: Path, bundle: Path, verdict_on: Callable[..., Verdict], noon: datetime) -> Try:
    def begin(**options: object) -> Outcome:
        given = {"nodes": ("n1",), "when": noon, **WHO, **options}
        return promote(home, bundle, verdict_on(bundle), **given)  # type: ignore[arg-type]

    return begin


def in_force(home: Path) -> Canary | None:
    return canary_in_force(ReleaseLog(home / "releases").entries())


def test_without_a_canary_there_is_none(home: Path, try_it: Try) -> None:
    assert canary_in_force(()) is None
    assert in_force(home) is None
    try_it(nodes=("*",))
    assert in_force(home) is None


def test_a_canary_is_found_behind_entries_that_are_about_something_else(
    home: Path, try_it: Try, noon: datetime
) -> None:
    began = try_it(evidence={"then": "10% all", "canary_hours": 2}).release
    request_sweep(home, n_windows=1, **WHO)
    pause(home, nodes=("n2",), **WHO)
    canary = in_force(home)
    assert canary is not None
    assert (canary.started, canary.nodes, canary.then) == (began, ("n1",), ("10%", "all"))
    assert canary.ends_at == noon + timedelta(hours=2)
    assert canary.latest.sequence == 4


def test_a_canary_that_names_no_hours_ends_after_a_day(
    home: Path, try_it: Try, noon: datetime
) -> None:
    try_it()
    canary = in_force(home)
    assert canary is not None
    assert (canary.ends_at, canary.then) == (noon + timedelta(hours=DEFAULT_HOURS), ())


@pytest.mark.parametrize("end", [End.UNDECIDED, End.EXPIRED])
def test_an_ended_canary_leaves_the_champion_and_may_be_tried_again(
    home: Path, try_it: Try, end: End
) -> None:
    try_it(evidence={"version": 7, "then": "all"})
    pause(home, nodes=("n2",), **WHO)
    canary = in_force(home)
    assert canary is not None
    ended = end_canary(home, canary, end, **WHO).release
    assert ended.kind is Kind.ROLLBACK
    assert ended.desired.digests == {canary.started.desired.champion_for("n1")}
    assert ended.desired.paused_nodes == ("n2",)
    assert dict(ended.evidence) == {
        "version": 7,
        "canary": 2,
        "canary_digest": canary.digest,
        "canary_ended_as": end.value,
    }
    assert in_force(home) is None
    assert try_it().is_new


def test_what_regressed_never_enters_again(home: Path, try_it: Try) -> None:
    try_it()
    canary = in_force(home)
    assert canary is not None
    end_canary(home, canary, End.REGRESSED, who="joulepilot", why="n1: it misses its target")
    with pytest.raises(RefusedError, match="entry 3: n1: it misses its target"):
        try_it()
    with pytest.raises(RefusedError, match="regressed in a canary"):
        try_it(nodes=("*",))
    with pytest.raises(RefusedError, match="regressed in a canary"):
        rollback(home, to=2, **WHO)


def test_of_two_who_end_it_one_is_told(home: Path, try_it: Try) -> None:
    try_it()
    canary = in_force(home)
    assert canary is not None
    end_canary(home, canary, End.EXPIRED, **WHO)
    with pytest.raises(ConflictError, match="ann was first"):
        end_canary(home, canary, End.REGRESSED, who="bob", why="because")


def test_a_rollback_after_an_ended_canary_goes_behind_the_promotion_before(
    home: Path, try_it: Try
) -> None:
    try_it()
    canary = in_force(home)
    assert canary is not None
    end_canary(home, canary, End.EXPIRED, **WHO)
    with pytest.raises(RefusedError, match="the first there was"):
        rollback(home, **WHO)


def test_a_rollback_of_what_won_its_canary_goes_behind_the_canary(home: Path, try_it: Try) -> None:
    champion = ReleaseLog(home / "releases").entries()[0].desired
    try_it()
    try_it(nodes=("n1", "n2"))
    try_it(nodes=("*",))
    assert rollback(home, **WHO).release.desired == champion


def test_a_rollback_of_a_canary_that_was_widened_ends_it(home: Path, try_it: Try) -> None:
    champion = ReleaseLog(home / "releases").entries()[0].desired
    try_it()
    try_it(nodes=("n1", "n2"))
    assert rollback(home, **WHO).release.desired == champion
