import json
import math

import pytest

from models.device_classifier.characterise_ceiling import ceiling
from models.device_classifier.characterise_journal import Measured
from models.device_classifier.characterise_measure import Turn
from models.device_classifier.characterise_table import folds, write_recording
from models.device_classifier.errors import RecordingError
from models.device_classifier.table_file import read_table


@pytest.fixture
def recording(measurement):
    return [
        measurement(
            network=f"net-{n}", structure=f"s-{n // 2}", gmac_dense=10.0 ** -(n // 2),
            batch_size=batch, layout="spread", device=device, latency_ms=1.0 + n + batch,
            contended=(n, batch, device) == (3, 8, "ort-2t"),
        )
        for n in range(10) for batch in (1, 8) for device in ("ort-1t", "ort-2t")
    ]  # fmt: skip


def test_a_recording_is_a_table_that_any_evaluation_reads(recording, tmp_path) -> None:
    left_out = write_recording(tmp_path / "small.csv", recording, {"source": "recorded"})
    table = read_table(tmp_path / "small.csv")
    assert left_out == 1
    assert table.rows.shape == (20,)
    assert table.devices == ("ort-1t", "ort-2t")
    assert table.objectives == ("latency", "energy", "throughput")
    assert {"gmac_dense", "batch", "idle_s", "n_cpus"} <= set(table.feature_names)
    assert math.isnan(table.measured["latency"][7, 1])  # net-3 at batch 8, disturbed
    assert table.measured["latency"][7, 0] == 12.0
    known = dict(zip(table.feature_names, table.features[0], strict=True))
    assert (known["is_spread"], known["is_smt"], known["n_cpus"]) == (1.0, 0.0, 2.0)
    assert table.facts["source"] == "recorded"
    assert table.facts["energy_source"] == {"ort-1t": "modelled", "ort-2t": "modelled"}


def test_functionally_equal_networks_share_a_fold_and_every_fold_has_some(
    recording, tmp_path
) -> None:
    write_recording(tmp_path / "small.csv", recording, {})
    table = read_table(tmp_path / "small.csv")
    by_group: dict[str, set[int]] = {}
    for group, fold in zip(table.groups, table.folds, strict=True):
        by_group.setdefault(str(group), set()).add(int(fold))
    assert all(len(found) == 1 for found in by_group.values())
    assert set(table.folds.tolist()) == {0, 1, 2, 3, 4}


def test_folds_hold_small_and_large_networks_alike(recording) -> None:
    found = folds(recording)
    assert [found[f"s-{n}"] for n in (4, 3, 2, 1, 0)] == [0, 1, 2, 3, 4]


def test_disturbed_measurements_are_kept_only_when_asked_and_counted(recording, tmp_path) -> None:
    assert write_recording(tmp_path / "all.csv", recording, {}, keep_contended=True) == 0
    facts = json.loads((tmp_path / "all.json").read_text())
    assert (facts["contended_kept"], facts["contended_left_out"]) == (1, 0)
    assert not math.isnan(read_table(tmp_path / "all.csv").measured["latency"][7, 1])


def test_nothing_quiet_is_no_table(measurement, tmp_path) -> None:
    with pytest.raises(RecordingError, match="quieter"):
        write_recording(tmp_path / "none.csv", [measurement(contended=True)], {})


def turns(device: str, *latencies_s: float) -> list[Turn]:
    return [
        Turn(
            device=device, n_runs=1, latency_s=latency_s, transfer_s=None, elapsed_s=latency_s,
            overlapped_s=None, energy_j=None, wait_share=0.0, clock_share=None, load=None,
        )
        for latency_s in latencies_s
    ]  # fmt: skip


def test_halves_that_agree_leave_no_regret_and_halves_that_do_not_say_how_much() -> None:
    agree = Measured("p", "", (*turns("a", 1, 1, 1, 1), *turns("b", 2, 2, 2, 2)), {})
    differ = Measured("q", "", (*turns("a", 1.0, 1.5, 1.0, 1.5), *turns("b", 1.2, 1.2) * 2), {})
    sure = ceiling([agree], lambda turn: turn.latency_s)
    assert sure is not None
    assert (sure.accuracy, sure.mean_regret, sure.n_points) == (1.0, 0.0, 1)
    unsure = ceiling([differ], lambda turn: turn.latency_s)
    assert unsure is not None
    assert unsure.accuracy == 0.0
    assert unsure.mean_regret == pytest.approx((1.5 / 1.2 + 1.2 / 1.0) / 2 - 1)


def test_without_two_rounds_or_two_devices_nothing_is_said() -> None:
    once = Measured("p", "", (*turns("a", 1), *turns("b", 2)), {})
    alone = Measured("p", "", tuple(turns("a", 1, 1)), {})
    assert ceiling([once, alone], lambda turn: turn.latency_s) is None
    both = Measured("p", "", (*turns("a", 1, 1), *turns("b", 2, 2)), {})
    assert ceiling([both], lambda turn: turn.energy_j) is None
