"""Predictions are tuned by what was measured, quickly after a jump, and forgotten in time."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.policy.correction import Correction, CorrectionSettings, Key
from components.policy.correction_file import load_correction, save_correction
from components.policy.errors import PolicyError

KEY = Key("latency", "dgpu", "resnet18")
OTHER_JOB = Key("latency", "dgpu", "mobilenet")
DAY_S = 86_400.0


def taught(correction: Correction, key: Key, misses: list[float], start_s: float = 0) -> Correction:
    for i, miss in enumerate(misses):
        correction = correction.observed(key, miss, start_s + i)
    return correction


def test_what_was_never_measured_is_not_shifted():
    assert Correction().shift(KEY, 0.0) == 0.0


def test_a_device_that_became_twice_as_slow_is_believed_within_three_requests():
    rng = np.random.default_rng(0)
    settled = taught(Correction(), KEY, list(0.03 * rng.normal(size=30)))
    slow = taught(settled, KEY, list(math.log(2) + 0.03 * rng.normal(size=3)), 30.0)
    assert slow.shift(KEY, 33.0) == pytest.approx(math.log(2), abs=0.1)
    assert slow.shift(OTHER_JOB, 33.0) > 0.5
    assert slow.shift(Key("latency", "cpu", "resnet18"), 33.0) == 0.0
    assert slow.shift(Key("energy", "dgpu", "resnet18"), 33.0) == 0.0


def test_one_outlier_moves_little():
    settled = taught(Correction(), KEY, [0.0] * 30)
    moved = settled.observed(KEY, 1.0, 31.0).shift(KEY, 31.0)
    assert 0.0 < moved < 0.4


def test_a_job_of_its_own_kind_leaves_the_others_nearly_alone():
    jobs = [Key("latency", "cpu", f"job-{i}") for i in range(10)]
    correction = Correction()
    for now_s in range(300):
        key = jobs[now_s % 10]
        correction = correction.observed(key, 0.2 if key is jobs[0] else 0.0, float(now_s))
    assert correction.shift(jobs[0], 300.0) == pytest.approx(0.2, abs=0.06)
    assert correction.shift(jobs[1], 300.0) == pytest.approx(0.0, abs=0.04)


def test_what_was_not_measured_for_long_is_forgotten():
    settings = CorrectionSettings(expires_s=DAY_S)
    tuned = taught(Correction(settings), KEY, [0.5] * 9)
    assert tuned.shift(KEY, 60.0) > 0.3
    assert 0.0 < tuned.shift(KEY, DAY_S / 12) < tuned.shift(KEY, 60.0) / 3
    assert tuned.shift(KEY, DAY_S + 9.0) == 0.0
    assert not tuned.without_expired(DAY_S + 9.0).estimates
    again = tuned.observed(KEY, 0.0, DAY_S + 9.0)
    assert again.shift(KEY, DAY_S + 9.0) == 0.0


def test_an_operator_has_a_part_or_all_forgotten():
    tuned = taught(taught(Correction(), KEY, [0.3] * 5), Key("latency", "cpu", "x"), [0.3] * 5)
    without = tuned.without(target="dgpu")
    assert without.shift(KEY, 5.0) == 0.0
    assert without.shift(Key("latency", "cpu", "x"), 5.0) > 0.1
    assert not tuned.without().estimates
    assert 0 < tuned.without(job="resnet18").shift(KEY, 5.0) < tuned.shift(KEY, 5.0)


@pytest.mark.parametrize("miss", [math.nan, math.inf, -math.inf, 8.0])
def test_an_absurd_measurement_is_refused(miss):
    with pytest.raises(PolicyError, match="nothing was learned"):
        Correction().observed(KEY, miss, 0.0)


@given(st.lists(st.floats(-7, 7), max_size=60))
def test_whatever_is_measured_the_shift_stays_within_what_was_seen(misses):
    tuned = taught(Correction(), KEY, misses)
    low, high = min([0.0, *misses]), max([0.0, *misses])
    room = high - low + 1e-9
    assert low - room <= tuned.shift(KEY, 100.0) <= high + room
    assert all(e.variance >= 0 for e in tuned.estimates.values())


def test_what_was_learned_survives_a_restart(tmp_path):
    path = tmp_path / "tuning.json"
    tuned = taught(Correction(), KEY, [0.1, 0.2, 1.5])
    save_correction(path, tuned, "digest")
    assert load_correction(path, tuned.settings, "digest", 3.0) == tuned


@pytest.mark.parametrize("change", ["another bundle", "cut off", "no number", "newer", "missing"])
def test_a_file_that_cannot_be_used_starts_anew(tmp_path, change):
    path = tmp_path / "tuning.json"
    tuned = taught(Correction(), KEY, [0.4] * 4)
    save_correction(path, tuned, "digest")
    content = json.loads(path.read_text())
    if change == "no number":
        content["estimates"][0]["mean"] = None
    if change == "newer":
        content["schema_version"] = 99
    path.write_text(json.dumps(content))
    if change == "cut off":
        path.write_text(path.read_text()[:-20])
    if change == "missing":
        path.unlink()
    digest = "other" if change == "another bundle" else "digest"
    assert load_correction(path, tuned.settings, digest, 4.0) == Correction(tuned.settings)
