"""What outlives the process."""

from __future__ import annotations

import threading
import time
from contextlib import closing

import components.durable_file
from components.executor.held import Held
from components.executor.node_state import LastGood, NodeState
from components.executor.state import StateStore
from components.jobs.candidate import Allocation, Candidate
from components.node.placement import Layout

GOOD = LastGood(
    Allocation(Candidate(3, Layout.SPREAD), frozenset({0, 4, 5})), 7.0, "sha256:abc", 1234.5
)


def test_everything_is_there_again_after_a_restart(tmp_path):
    store = StateStore(tmp_path / "state.json")
    store.change(release=4, policy_digest="d" * 64, previous_digests=("a", "b"), last_sweep=3)
    store.change(holds={"web": Held("by hand", 5e9, "0-3")}, last_good={"web": GOOD}, paused=True)

    again = StateStore(tmp_path / "state.json")

    assert again.state == store.state
    assert again.state.last_good["web"] == GOOD
    assert not again.health


def test_a_damaged_file_is_set_aside_and_nothing_is_remembered(tmp_path):
    path = tmp_path / "state.json"
    StateStore(path).change(release=4)
    path.write_text(path.read_text().replace('"release": 4', '"release": 5'))

    store = StateStore(path)

    assert store.state == NodeState()
    assert "checksum" in store.health[0]
    assert (tmp_path / "state.json.damaged").exists()
    store.change(release=6)
    assert StateStore(path).state.release == 6


def test_a_file_that_is_no_json_is_set_aside_too(tmp_path):
    path = tmp_path / "state.json"
    path.write_bytes(b"\xff\x00 nonsense")

    assert StateStore(path).state == NodeState()


def test_a_disk_that_fails_is_reported_and_not_fatal(tmp_path):
    (tmp_path / "file").write_text("in the way")
    store = StateStore(tmp_path / "file" / "state.json")

    store.change(release=2)

    assert store.state.release == 2
    assert "cannot be" in store.health[0]


def test_what_is_only_noted_is_on_disk_soon_and_at_the_latest_when_it_is_closed(tmp_path):
    path = tmp_path / "state.json"
    store = StateStore(path, writes_behind=True)
    store.note(last_good={"web": GOOD})
    until_s = time.monotonic() + 10.0
    while StateStore(path).state.last_good != {"web": GOOD} and time.monotonic() < until_s:
        time.sleep(0.01)
    assert StateStore(path).state.last_good == {"web": GOOD}

    store.note(last_good={"db": GOOD})
    store.close()

    assert StateStore(path).state.last_good == {"db": GOOD}


def test_what_is_changed_is_on_disk_at_once_with_all_that_was_noted_before(tmp_path):
    path = tmp_path / "state.json"
    with closing(StateStore(path, writes_behind=True)) as store:
        store.note(last_good={"web": GOOD})
        store.change(paused=True)

        assert StateStore(path).state == store.state
        assert store.state.paused


def test_a_disk_that_hangs_holds_up_nobody_who_only_notes(tmp_path, monkeypatch):
    may_sync, syncs = threading.Event(), threading.Event()

    def hang(_descriptor):
        syncs.set()
        may_sync.wait(10.0)

    monkeypatch.setattr(components.durable_file.os, "fsync", hang)
    with closing(StateStore(tmp_path / "state.json", writes_behind=True)) as store:
        store.note(last_good={"web": GOOD})
        assert syncs.wait(10.0)

        store.note(last_good={"db": GOOD})  # would not return while the disk hangs

        assert not may_sync.is_set()
        may_sync.set()
    assert StateStore(tmp_path / "state.json").state.last_good == {"db": GOOD}
