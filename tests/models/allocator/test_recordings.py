"""Sweeps measured elsewhere: what is read, and what is refused with file and row named."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.jobs.candidate import Candidate
from components.node.placement import Layout
from models.allocator.errors import RecordingError
from models.allocator.recording_topology import recorded_topology
from models.allocator.recordings import read_recordings

SIDECAR = {
    "node_class": "some-node",
    "model": "resnet",
    "batch_size": 8,
    "latency_unit": "batch",
    "latency_statistic": "mean",
    "n_logical": 8,
    "n_physical": 4,
    "source": "simulated",
    "targets_ms": [7, 3.5],
}
ROWS = ("n_cpus,layout,latency_mean_ms,power_w", "1,compact,8.0,20", "2,compact,4.0,30")


@pytest.fixture
def write(tmp_path):
    """Put a recording into a folder; rows and keys as given in place of the usual ones."""

    def put(name="one", rows=ROWS, folder=tmp_path / "kept", **changes):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.csv").write_text("\n".join(rows) + "\n")
        sidecar = {k: v for k, v in (SIDECAR | changes).items() if v is not ...}
        (folder / f"{name}.json").write_text(json.dumps(sidecar))
        return folder

    return put


def test_repeats_of_an_allocation_count_by_their_mean_and_other_columns_are_welcome(write):
    rows = (
        "rate,power_w,latency_mean_ms,n_cpus,layout",
        "5,30,4.0,2,compact",
        "5,20,8.0,1,compact",
        "6,32,5.0,2,compact",
    )
    (recording,) = read_recordings(write(rows=rows, idle_w=12.5, weather="fine"))
    assert recording.name == "kept/one"
    assert recording.candidates == (Candidate(1), Candidate(2))
    assert list(recording.latency_ms) == [8.0, 4.5]
    assert list(recording.power_w) == [20.0, 31.0]
    assert recording.sidecar.idle_w == 12.5
    assert recording.sidecar.further == {"weather": "fine"}
    assert [case.target_ms for case in recording.cases(0.0)] == [7.0, 3.5]


def test_a_folder_without_a_csv_is_searched_below(write, tmp_path):
    write(folder=tmp_path / "all" / "a")
    write(folder=tmp_path / "all" / "b")
    assert [r.name for r in read_recordings(tmp_path / "all")] == ["all/a/one", "all/b/one"]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("2,compact,4.0", "3 cells, the header 4"),
        ("2,compact,4.0,30,1", "5 cells, the header 4"),
        ("two,compact,4.0,30", "n_cpus is 'two': it is no number"),
        ("0,compact,4.0,30", "n_cpus is '0': it is not above 0"),
        ("2.5,compact,4.0,30", "n_cpus is '2.5': it is no whole number"),
        ("9,compact,4.0,30", "the node has 8 logical CPUs"),
        ("2,compakt,4.0,30", "the nearest is 'compact'"),
        ("2,compact,nan,30", "latency_mean_ms is 'nan': it is not finite"),
        ("2,compact,-4.0,30", "latency_mean_ms is '-4.0': it is not above 0"),
        ("2,compact,,30", "latency_mean_ms is '': it is no number"),
        ("2,compact,4.0,inf", "power_w is 'inf': it is not finite"),
        ("2,compact,4.0,0", "power_w is '0': it is not above 0"),
    ],
)
def test_a_damaged_row_is_refused_with_file_and_row_named(write, row, said):
    folder = write(rows=(*ROWS, row))
    with pytest.raises(RecordingError) as caught:
        read_recordings(folder)
    assert str(folder / "one.csv") in caught.value.asked
    assert "row 3 (line 4)" in caught.value.asked
    assert said in caught.value.found
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ((), "it is empty"),
        (ROWS[:1], "no row"),
        (("n_cpus,layout,power_w", "1,compact,20"), "lacks latency_mean_ms"),
        ((ROWS[0] + ",power_w", "1,compact,8.0,20,20"), "names power_w twice"),
        ((*ROWS, '2,"compact,4.0,30'), "no CSV"),
    ],
)
def test_a_damaged_table_is_refused(write, rows, said):
    folder = write(rows=rows)
    if not rows:
        (folder / "one.csv").write_text("")
    with pytest.raises(RecordingError) as caught:
        read_recordings(folder)
    assert said in caught.value.found


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model": ...}, "it has no model"),
        ({"latency_unit": "images"}, "the nearest is 'image'"),
        ({"source": "guessed"}, "none of recorded, composed, simulated"),
        ({"n_logical": 0}, "n_logical is 0"),
        ({"n_logical": "8"}, "n_logical is '8', no finite number"),
        ({"n_physical": 9}, "n_physical is 9, of 8 at most"),
        ({"sockets": 5}, "sockets is 5, of 4 at most"),
        ({"batch_size": True}, "batch_size is True"),
        ({"idle_w": -1}, "idle_w is -1, below 0"),
        ({"targets_ms": 7}, "no list"),
        ({"targets_ms": [7, 0]}, "0, which is not above 0"),
        ({"targets_ms": [float("nan")]}, "NaN is no number"),
    ],
)
def test_a_damaged_sidecar_is_refused_with_the_key_named(write, changes, said):
    folder = write(**changes)
    with pytest.raises(RecordingError) as caught:
        read_recordings(folder)
    assert str(folder / "one.json") in caught.value.asked
    assert said in caught.value.found


@pytest.mark.parametrize("lost", ["one.csv", "one.json"])
def test_half_a_recording_is_refused(write, lost):
    folder = write()
    write("two")
    (folder / lost).unlink()
    with pytest.raises(RecordingError, match="cannot be read"):
        read_recordings(folder)


def test_a_link_to_a_folder_keeps_its_own_name(write, tmp_path):
    (tmp_path / "link").symlink_to(write())
    assert [r.name for r in read_recordings(tmp_path / "link")] == ["link/one"]


def test_a_folder_without_recordings_is_refused(tmp_path):
    with pytest.raises(RecordingError, match="holds no CSV"):
        read_recordings(tmp_path)


@given(
    n_physical=st.integers(1, 256),
    extra=st.integers(0, 256),
    sockets=st.none() | st.integers(1, 9),
    groups=st.none() | st.integers(1, 300),
)
@settings(max_examples=150, deadline=None)
def test_any_counts_make_a_topology_with_just_these(n_physical, extra, sockets, groups):
    topology = recorded_topology(n_physical + extra, n_physical, sockets, groups)
    assert (topology.n_logical, topology.n_physical) == (n_physical + extra, n_physical)
    if sockets is not None and sockets <= n_physical:
        assert topology.n_sockets == sockets
        if groups is not None and sockets <= groups <= n_physical:
            assert topology.n_l3_groups == groups
    assert topology.n_sockets <= topology.n_l3_groups <= n_physical
    assert all(
        len({c.socket for c in topology.cpus if c.l3 == cpu.l3}) == 1 for cpu in topology.cpus[:8]
    )


def test_what_a_sidecar_leaves_out_is_guessed():
    small, large = recorded_topology(16, 8), recorded_topology(128, 64)
    assert (small.n_sockets, small.n_l3_groups) == (1, 1)
    assert (large.n_sockets, large.n_l3_groups) == (2, 8)
    assert {str(layout) for layout in Layout} == {"compact", "spread", "smt"}
