from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from components.lake.errors import LakeBusyError, LakeError
from components.lake.ingest import IngestReport, ingest
from components.lake.lake import Lake
from components.lake.rows import fitting, row_of
from components.lake.schema import Table
from components.telemetry.events import Event, heartbeat_attributes, sample_attributes
from components.telemetry.heartbeat import Heartbeat
from components.telemetry.sample import HEARTBEAT_EVENT, SAMPLE_EVENT, SAMPLE_FIELDS, Origin

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from components.hub.spool import Spool
    from components.telemetry.sample import Sample

    MakeSample = Callable[..., Sample]
    MakeBody = Callable[[Sequence[Sample | Event]], bytes]

PROTOBUF = "application/x-protobuf"
NOW = datetime(2026, 5, 4, 5, tzinfo=UTC)


def rows(lake: Lake, table: Table = Table.RAW) -> list[dict[str, object]]:
    return lake.read(table).sort_by([("window_start", "ascending")]).to_pylist()


def test_a_sample_arrives_with_every_field_as_it_was_sent(
    spool: Spool, lake: Lake, sample: MakeSample, body: MakeBody
) -> None:
    sent = sample()
    ref = spool.put(body([sent]), PROTOBUF)

    report = ingest(spool, lake)

    (row,) = rows(lake)
    received = {name: row[name] for name in SAMPLE_FIELDS}
    expected = {name: getattr(sent, name) for name in SAMPLE_FIELDS}
    expected["cpu_utilization"] = list(sent.cpu_utilization or ())
    assert received == expected
    assert row["body_sha256"] == ref.body_sha256
    assert row["event_time"] == sent.window_start + timedelta(seconds=10)
    assert row["decode_error"] is None
    assert report == IngestReport(1, 1, 1, 0, 0, 0)


def test_every_row_can_be_traced_to_its_body(
    spool: Spool, lake: Lake, sample: MakeSample, body: MakeBody
) -> None:
    spool.put(body([sample(0)]), PROTOBUF)
    spool.put(gzip.compress(body([sample(1)])), PROTOBUF, "gzip")
    ingest(spool, lake)
    for row in rows(lake):
        (ref,) = spool.find(str(row["body_sha256"]))
        assert ref.path.parent.parent.name == "done"
        assert spool.read(ref)


def test_what_was_sent_twice_is_there_once(
    spool: Spool, lake: Lake, sample: MakeSample, body: MakeBody
) -> None:
    spool.put(body([sample(0), sample(1)]), PROTOBUF)
    ingest(spool, lake)
    spool.put(body([sample(1), sample(2)]), PROTOBUF)
    spool.put(body([sample(2)]), PROTOBUF)

    report = ingest(spool, lake)

    assert (report.n_rows, report.n_duplicates) == (1, 2)
    assert len(rows(lake)) == 3


def test_another_saying_under_the_same_key_is_kept_beside_the_first(
    spool: Spool, lake: Lake, sample: MakeSample, body: MakeBody
) -> None:
    for _ in range(2):
        spool.put(body([sample(0), sample(0, node_power_w=99.0)]), PROTOBUF)
        ingest(spool, lake)
    kept = rows(lake)
    assert sorted(str(row["node_power_w"]) for row in kept) == ["80.0", "99.0"]
    assert len({row["row_id"] for row in kept}) == 2


def test_events_of_other_names_become_no_rows(
    spool: Spool, lake: Lake, sample: MakeSample, body: MakeBody
) -> None:
    heartbeat = Heartbeat(
        node="node-a",
        node_class="amd-4c",
        fingerprint="f00d",
        origin=Origin.RECORDED,
        time=NOW,
        release=None,
        policy_digest=None,
        mode="auto",
        paused=False,
    )
    event = Event(HEARTBEAT_EVENT, heartbeat_attributes(heartbeat), NOW)
    spool.put(body([event, sample()]), PROTOBUF)
    report = ingest(spool, lake)
    assert (report.n_events, report.n_rows) == (2, 1)


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("latency_mean_ms", "fast", "latency_mean_ms"),
        ("latency_mean_ms", float("nan"), "nan"),
        ("node_power_w", float("inf"), "inf"),
        ("origin", "imagined", "imagined"),
        ("window_start", "yesterday", "yesterday"),
    ],
)
def test_a_sample_that_cannot_be_read_keeps_its_attributes_and_the_reason(
    spool: Spool, lake: Lake, sample: MakeSample, body: MakeBody, field: str, value: str, says: str
) -> None:
    attributes = {**sample_attributes(sample()), field: value}
    spool.put(body([Event(SAMPLE_EVENT, attributes, NOW), sample(1)]), PROTOBUF)

    report = ingest(spool, lake)

    assert (report.n_rows, report.n_undecodable) == (2, 1)
    (row,) = [row for row in rows(lake) if row["decode_error"]]
    assert says in str(row["decode_error"])
    assert json.loads(str(row["attributes"]))["model"] == "resnet18"
    assert (row["node"], row["job"], row["window_start"]) == ("node-a", "resnet", None)


def test_a_value_no_column_can_hold_stops_only_its_own_row(sample: MakeSample) -> None:
    huge = {**sample_attributes(sample()), "images": 2**70}
    torn = {**sample_attributes(sample(1)), "image": "\ud800"}
    fine = sample_attributes(sample(2))
    made = [row_of(Event(SAMPLE_EVENT, a, NOW), "ab", NOW) for a in (huge, torn, fine)]
    fitted = fitting(made)
    assert [row.is_readable for row in fitted] == [False, False, True]
    assert fitting(fitted) == fitted


def test_a_damaged_body_is_set_aside_with_the_reason_and_blocks_nothing(
    spool: Spool, lake: Lake, sample: MakeSample, body: MakeBody
) -> None:
    ref = spool.put(body([sample(0)]), PROTOBUF)
    ref.path.write_bytes(b"\xff" * 40)
    spool.put(b"no protobuf at all", PROTOBUF)
    spool.put(body([sample(1)]), PROTOBUF)

    report = ingest(spool, lake)

    assert (report.n_bodies, report.n_rows, report.n_undecodable) == (3, 3, 2)
    assert spool.pending() == ()
    (moved,) = spool.find(ref.body_sha256)
    assert moved.path.parent.name == "rejected"
    assert "SHA-256" in moved.path.with_name(f"{moved.path.name}.reason.txt").read_text()
    damaged = [row for row in rows(lake) if row["decode_error"]]
    assert ref.body_sha256 in {row["body_sha256"] for row in damaged}


def test_nothing_to_ingest_makes_no_folder(spool: Spool, tmp_path: Path) -> None:
    report = ingest(spool, Lake(tmp_path / "lake"))
    assert report == IngestReport(0, 0, 0, 0, 0, None)
    assert not (tmp_path / "lake").exists()


def test_a_damaged_table_keeps_the_bodies_pending(
    spool: Spool, lake: Lake, sample: MakeSample, body: MakeBody
) -> None:
    spool.put(body([sample(0)]), PROTOBUF)
    ingest(spool, lake)
    log = lake.folder / "raw" / "_delta_log" / "00000000000000000000.json"
    intact = log.read_bytes()
    log.write_text("garbage{")
    spool.put(body([sample(1)]), PROTOBUF)

    with pytest.raises(LakeError, match="raw"):
        ingest(spool, lake)

    assert len(spool.pending()) == 1
    log.write_bytes(intact)
    assert ingest(spool, lake).n_rows == 1


def test_two_ingests_at_once_write_every_row_once(
    spool: Spool, lake: Lake, sample: MakeSample, body: MakeBody
) -> None:
    for i in range(30):
        spool.put(body([sample(i)]), PROTOBUF)
    threads = [threading.Thread(target=ingest, args=(spool, Lake(lake.folder))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(rows(lake)) == 30
    assert not [row for row in rows(lake) if row["decode_error"]]


def test_a_lake_that_stays_busy_is_an_error_that_may_pass(lake: Lake) -> None:
    other = Lake(lake.folder)
    with (
        lake.one_writer(),
        pytest.raises(LakeBusyError, match="another ingest or check"),
        other.one_writer(wait_s=0.1),
    ):
        pass
    with other.one_writer(wait_s=0.1):
        pass


KILLED = textwrap.dedent(
    """
    import os, signal, sys
    from pathlib import Path
    import components.lake.ingest as ingesting
    from components.hub.spool import Spool
    from components.lake.lake import Lake

    def die():
        os.kill(os.getpid(), signal.SIGKILL)

    point, home = sys.argv[1], Path(sys.argv[2])

    class DyingLake(Lake):
        n = 0
        def append(self, table, rows, facts=None):
            self.n += 1
            if point == "before a commit" and self.n == 2:
                die()
            version = super().append(table, rows, facts)
            if point == "after a commit" and self.n == 2:
                die()
            return version

    class DyingSpool(Spool):
        n = 0
        def done(self, ref):
            self.n += 1
            if point == "between two moves" and self.n == 5:
                die()
            return super().done(ref)
        def set_aside(self, ref, reason):
            moved = super().set_aside(ref, reason)
            if point == "after setting aside":
                die()
            return moved

    ingesting.BODIES_PER_COMMIT = 4
    spool = DyingSpool(home / "spool", min_free_bytes=0)
    ingesting.ingest(spool, DyingLake(home / "lake"))
    """
)


@pytest.mark.parametrize(
    "point", ["before a commit", "after a commit", "between two moves", "after setting aside"]
)
def test_killed_anywhere_and_run_again_the_table_is_the_same(
    point: str, tmp_path: Path, spool: Spool, lake: Lake, sample: MakeSample, body: MakeBody
) -> None:
    spool.put(b"damaged", PROTOBUF)
    for i in range(10):
        spool.put(body([sample(2 * i), sample(2 * i + 1)]), PROTOBUF)
    child = subprocess.run(
        [sys.executable, "-c", KILLED, point, str(tmp_path)],
        check=False,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert child.returncode == -signal.SIGKILL, child.stderr.decode()
    assert spool.pending(), "the child was to die with work left"

    ingest(spool, lake)

    made = rows(lake)
    assert spool.pending() == ()
    assert len(made) == len({row["row_id"] for row in made}) == 21
    starts = [row["window_start"] for row in made if row["window_start"] is not None]
    assert starts == [sample(i).window_start for i in range(20)]
