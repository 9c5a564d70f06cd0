"""What waits on disk while the hub is away."""

from __future__ import annotations

import pytest

from components.telemetry.buffer import DiskBuffer


@pytest.fixture
def count_lists(monkeypatch):
    """Count how often everything that waits is listed."""
    lists = []
    listed = DiskBuffer.waiting

    def waiting(self):
        lists.append(1)
        return listed(self)

    monkeypatch.setattr(DiskBuffer, "waiting", waiting)
    return lists


def test_a_body_costs_no_list_of_all_that_waits(tmp_path, count_lists):
    buffer = DiskBuffer(tmp_path, max_bytes=100_000)

    for _ in range(500):
        assert buffer.put(b"x" * 100, 1) == 0

    assert len(count_lists) <= 2
    assert sum(body.n_records for body in buffer.waiting()) == 500


def test_a_full_buffer_makes_room_for_a_while_and_keeps_the_newest(tmp_path, count_lists):
    buffer = DiskBuffer(tmp_path, max_bytes=100_000)

    dropped = [buffer.put(b"x" * 100, 1) for _ in range(3_000)]

    left = buffer.waiting()
    assert 940 <= len(left) <= 1_000
    assert sum(dropped) == 3_000 - len(left)
    assert [body.number for body in left] == list(range(3_001 - len(left), 3_001))
    assert len(count_lists) < 100


def test_what_an_earlier_process_left_counts_towards_the_bound(tmp_path):
    for _ in range(9):
        DiskBuffer(tmp_path, max_bytes=10_000).put(b"x" * 1_000, 1)

    buffer = DiskBuffer(tmp_path, max_bytes=5_000)

    assert buffer.put(b"x" * 1_000, 1) > 0
    assert sum(body.path.stat().st_size for body in buffer.waiting()) <= 5_000
