from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from components.actuation.journal import Journal, Restoration, restore, restore_all

if TYPE_CHECKING:
    from pathlib import Path

    from components.actuation.docker_host import DockerHost

ID = "9cdffedcecb6184b01596b8f7a02421cf86f0602bdf1ee5089925038edbd5136"


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal")


def _change(host: DockerHost, journal: Journal, *cpus: int) -> None:
    journal.record(ID, "web", host.configured_cpus(ID))
    host.apply(ID, frozenset(cpus))


def test_after_restoring_everything_is_as_it_was_and_nothing_is_owed(
    engine: Any, host: DockerHost, journal: Journal
) -> None:
    engine.cpuset = "2,1"
    _change(host, journal, 0)
    _change(host, journal, 5, 6)
    report = restore_all(host, journal)
    assert report.complete
    assert [c.outcome for c in report.containers] == [Restoration.RESTORED]
    assert engine.cpuset == "2,1"
    assert engine.effective == "1-2"
    assert journal.originals() == {}
    assert restore_all(host, journal).containers == ()


def test_the_next_process_restores_what_a_crash_left(
    engine: Any, host: DockerHost, journal: Journal, tmp_path: Path
) -> None:
    _change(host, journal, 0)
    report = restore_all(host, Journal(tmp_path / "journal"))
    assert report.containers[0].cpus == frozenset(range(8))
    assert engine.effective == "0-7"


def test_a_container_that_is_gone_does_not_hold_up_the_others(
    engine: Any, host: DockerHost, journal: Journal
) -> None:
    journal.record("gone", "old", "0")
    _change(host, journal, 0)
    report = restore_all(host, journal)
    outcomes = {c.original.name: c.outcome for c in report.containers}
    assert outcomes == {"old": Restoration.GONE, "web": Restoration.RESTORED}
    assert report.complete
    assert journal.originals() == {}


def test_with_the_engine_away_the_journal_keeps_what_is_owed(
    engine: Any, server: Any, host: DockerHost, journal: Journal
) -> None:
    _change(host, journal, 0)
    socket = engine.root / "docker.sock"
    socket.rename(engine.root / "away.sock")
    server.break_connections()
    report = restore_all(host, journal)
    assert not report.complete
    assert report.containers[0].outcome is Restoration.FAILED
    assert "systemctl start docker" in report.containers[0].reason
    (engine.root / "away.sock").rename(socket)
    assert restore_all(host, journal).complete


def test_cpus_that_went_offline_are_told_and_stay_owed(
    engine: Any, host: DockerHost, journal: Journal
) -> None:
    engine.cpuset = "2-5"
    _change(host, journal, 0)
    (engine.root / "sys/devices/system/cpu/online").write_text("0-3\n")
    report = restore_all(host, journal)
    assert not report.complete
    assert report.containers[0].outcome is Restoration.PARTLY
    assert report.containers[0].reason == "CPUs [4-5] are not available any more"
    assert set(journal.originals()) == {ID}


def test_one_container_can_be_given_back_alone(
    engine: Any, host: DockerHost, journal: Journal
) -> None:
    journal.record("other", "other", "0")
    _change(host, journal, 0)
    restored = restore(host, journal, ID)
    assert restored is not None
    assert restored.outcome is Restoration.RESTORED
    assert set(journal.originals()) == {"other"}
    assert restore(host, journal, ID) is None


def test_what_another_kind_of_host_holds_stays_owed(host: DockerHost, journal: Journal) -> None:
    journal.record("web@4242-1-ab", "web", "0")
    report = restore_all(host, journal)
    assert report.containers[0].outcome is Restoration.FAILED
    assert "that of plain processes" in report.containers[0].reason
    assert set(journal.originals()) == {"web@4242-1-ab"}
