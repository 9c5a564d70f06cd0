"""Who decides, once, and for how long."""

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from components.registry.facts import RegisteredVersion
from flows.approvals import (
    EXPIRES_AFTER,
    Decision,
    approval_of,
    approvals,
    ask_approval,
    decide,
)
from flows.errors import ApprovalError

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
DIGEST = "d" * 64
YES = Decision(approved=True, who="ann", why="looks right", when=NOW)
NO = replace(YES, approved=False, who="bob")


@pytest.fixture
def seventh(make_version: Callable[..., RegisteredVersion]) -> RegisteredVersion:
    return make_version(DIGEST)


@pytest.fixture
def home(tmp_path: Path, seventh: RegisteredVersion) -> Path:
    ask_approval(tmp_path, seventh, "scheduled pipeline", NOW)
    return tmp_path


def test_a_request_waits_until_it_expires(home: Path) -> None:
    request = approval_of(home, DIGEST)
    assert request.state(NOW) == "waiting"
    assert request.state(NOW + EXPIRES_AFTER) == "expired"
    assert request.seconds_left(NOW) == EXPIRES_AFTER.total_seconds()


def test_what_was_decided_is_read_back(home: Path) -> None:
    decide(home, DIGEST, YES)
    assert approval_of(home, DIGEST).decision == YES
    assert approval_of(home, DIGEST).sentence == "version 7 approved by ann: looks right"


def test_the_first_word_counts_and_the_other_person_is_told(home: Path) -> None:
    decide(home, DIGEST, YES)
    with pytest.raises(ApprovalError, match="approved by ann already"):
        decide(home, DIGEST, NO)
    assert decide(home, DIGEST, replace(YES, who="carl")).decision == YES


def test_of_two_people_at_once_one_wins(home: Path) -> None:
    told: list[ApprovalError] = []

    def say(decision: Decision) -> None:
        try:
            decide(home, DIGEST, decision)
        except ApprovalError as error:
            told.append(error)

    people = [threading.Thread(target=say, args=(word,)) for word in (YES, NO)]
    for person in people:
        person.start()
    for person in people:
        person.join()
    assert len(told) == 1
    assert approval_of(home, DIGEST).decision in {YES, NO}


def test_after_its_time_nobody_can_decide(home: Path) -> None:
    with pytest.raises(ApprovalError, match="it is expired already"):
        decide(home, DIGEST, replace(YES, when=NOW + EXPIRES_AFTER))


def test_asking_again_changes_nothing_until_it_expired(
    home: Path, seventh: RegisteredVersion
) -> None:
    decide(home, DIGEST, NO)
    soon = ask_approval(home, seventh, "again", NOW + timedelta(hours=1))
    assert soon.decision == NO
    later = ask_approval(home, seventh, "again", NOW + EXPIRES_AFTER)
    assert later.is_open(NOW + EXPIRES_AFTER)


def test_what_nobody_asked_for_cannot_be_approved(home: Path) -> None:
    with pytest.raises(ApprovalError, match="none was asked for"):
        decide(home, "e" * 64, YES)


@pytest.mark.parametrize("damage", ["", "{}", "[]", '{"digest": 1}'])
def test_a_damaged_file_is_named(home: Path, damage: str) -> None:
    path = next((home / "approvals").glob("*.json"))
    path.write_text(damage)
    with pytest.raises(ApprovalError, match="it is damaged"):
        approvals(home)


def test_what_it_is_and_how_it_gets_everywhere_is_kept_with_the_request(
    tmp_path: Path, make_version: Callable[..., RegisteredVersion]
) -> None:
    version = make_version(DIGEST, 3, "device-classifier")
    ask_approval(tmp_path, version, "nightly", NOW, "rings")
    decided = decide(tmp_path, DIGEST, YES)
    assert (decided.policy, decided.rollout) == ("device-classifier", "rings")
    path = next((tmp_path / "approvals").glob("*.json"))
    content = json.loads(path.read_text())
    path.write_text(json.dumps({k: content[k] for k in content if k not in {"rollout", "policy"}}))
    older = approval_of(tmp_path, DIGEST)
    assert (older.policy, older.rollout) == ("core-allocator", "all")


def test_the_one_that_expires_last_is_listed_last(
    home: Path, make_version: Callable[..., RegisteredVersion]
) -> None:
    ask_approval(home, make_version("a" * 64, 8), "next night", NOW + timedelta(hours=24))
    assert [request.version for request in approvals(home)] == [7, 8]
    assert json.loads(next((home / "approvals").glob("a*.json")).read_text())["version"] == 8
