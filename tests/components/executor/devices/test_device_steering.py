"""A running job's device is chosen by hint, read back, guarded, corrected and given back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from components.actuation.hint import Hint, encode_hint, read_hint_text, write_hint_text
from components.madeup.devices.server import Load, write_load

if TYPE_CHECKING:
    from collections.abc import Callable

BIG = Load(batch=4096, rate_per_s=4.0)
SMALL = Load(batch=1, rate_per_s=40.0)


def hints(rig: Any) -> str:
    return read_hint_text(rig.node.folder / "hints")


def test_without_a_classifier_nothing_is_written(rig: Any) -> None:
    rig.run(60)

    assert rig.device == "cpu"
    assert hints(rig) == ""


def test_the_device_follows_the_batch_each_way_and_is_read_back(
    rig: Any, follow: Callable[..., None]
) -> None:
    follow(rig)
    rig.run_until(lambda: rig.device == "igpu")
    write_load(rig.node.folder, BIG)
    rig.run_until(lambda: rig.desk.device_of(rig.job) == "dgpu")
    write_load(rig.node.folder, SMALL)
    rig.run_until(lambda: rig.desk.device_of(rig.job) == "igpu")

    assert rig.device == "igpu"
    assert "cpu → igpu, read back" in rig.told
    assert "igpu → dgpu, read back" in rig.told
    assert "dgpu → igpu, read back" in rig.told


def test_samples_and_heartbeats_name_the_device_that_served(
    rig: Any, follow: Callable[..., None]
) -> None:
    follow(rig)
    rig.run_until(lambda: rig.device == "igpu")
    rig.run(20)

    assert {sample.device for sample in rig.published.samples} == {"cpu", "igpu"}
    (status,) = rig.executor.heartbeat().jobs
    assert status.device == "igpu"
    assert "igpu is the best choice" in (status.device_reason or "")
    assert rig.executor.heartbeat().device_digest == "d" * 64


def test_stopping_puts_the_hint_back_and_the_server_goes_back(
    rig: Any, follow: Callable[..., None]
) -> None:
    follow(rig)
    rig.run_until(lambda: rig.device == "igpu")

    report = rig.executor.stop()
    rig.node.server.look()
    rig.node.clock.sleep(1.0)

    assert report.complete
    assert hints(rig) == ""
    assert rig.device == "cpu"


def test_a_hint_that_stood_there_before_us_is_what_is_put_back_after_a_crash(
    rig: Any, follow: Callable[..., None]
) -> None:
    before = encode_hint(Hint("cpu"))
    write_hint_text(rig.node.folder / "hints", before)
    follow(rig)
    rig.run_until(lambda: rig.device == "igpu")

    rig.start()  # the first executor is gone without a word
    rig.run(2)
    assert rig.executor.stop().complete
    assert hints(rig) == before


def test_in_recommend_the_choice_is_told_and_nothing_written(
    rig: Any, follow: Callable[..., None]
) -> None:
    rig.overrides.update("digits", {"mode": "recommend"})
    follow(rig)
    rig.run(60)

    assert rig.device == "cpu"
    assert hints(rig) == ""
    assert "would switch to igpu" in rig.told


def test_a_job_that_may_not_be_changed_any_more_gets_its_hint_back(
    rig: Any, follow: Callable[..., None]
) -> None:
    follow(rig)
    rig.run_until(lambda: rig.device == "igpu")
    rig.overrides.update("digits", {"mode": "recommend"})
    rig.executor.refresh()
    rig.run(5)

    assert rig.device == "cpu"
    assert hints(rig) == ""


def test_an_unsure_choice_is_measured_first_by_one_batch(
    rig: Any, follow: Callable[..., None]
) -> None:
    follow(rig, p=0.5)
    rig.run_until(lambda: "cpu → igpu" in rig.told)

    history = rig.told
    assert history.index("measured on igpu") < history.index("cpu → igpu")


def test_a_wrong_prediction_is_corrected_by_what_is_seen(
    rig: Any, follow: Callable[..., None]
) -> None:
    follow(rig, wrong={"igpu": 0.3})
    rig.run_until(lambda: rig.device == "igpu")
    rig.run(60)

    shift = sum(
        estimate.mean
        for key, estimate in rig.desk.correction.correction.estimates.items()
        if key.target == "igpu"
    )
    assert shift == pytest.approx(1.2, abs=0.15)  # ln(1 / 0.3), the queue in


def test_a_change_that_misses_the_target_is_undone_and_not_tried_again(
    rig: Any, follow: Callable[..., None]
) -> None:
    rig.node.server.slow("igpu", 4.0)  # 2.1 ms instead of 0.53, with a target of 1 ms
    follow(rig)
    rig.run_until(lambda: "igpu → cpu, read back: taken back" in rig.told)
    rig.run(120)

    assert rig.device == "cpu"
    assert rig.told.count("cpu → igpu") == 1


def test_a_device_that_is_gone_is_left_told_of_and_asked_for_no_more(
    rig: Any, follow: Callable[..., None]
) -> None:
    follow(rig)
    rig.run_until(lambda: "→ igpu, read back" in rig.told)

    rig.node.server.lose("igpu", "GPU is lost")
    rig.run(120)

    assert rig.device != "igpu"
    assert rig.desk.device_of(rig.job) == rig.device
    assert "igpu is absent: GPU is lost" in rig.told
    assert rig.told.count("→ igpu") == 1
    assert rig.node.true_latency_ms("digits") <= 1.0
    assert rig.executor.stop().complete
    assert hints(rig) == ""


def test_a_device_that_goes_before_it_was_taken_is_given_up_at_once(
    rig: Any, follow: Callable[..., None]
) -> None:
    follow(rig)
    rig.run_until(lambda: "igpu" in hints(rig))

    rig.node.server.lose("igpu", "GPU is lost")
    rig.run(5)

    assert "absent: GPU is lost: switch to igpu; it stays on cpu" in rig.told


def test_a_server_that_ignores_hints_is_believed_and_told_of(
    rig: Any, follow: Callable[..., None]
) -> None:
    rig.node.server.ignores_hints = True
    follow(rig)
    rig.run_until(lambda: "not followed within" in rig.told)

    assert rig.desk.device_of(rig.job) == "cpu"
    assert hints(rig) == ""


def test_a_hint_of_someone_else_is_respected(rig: Any, follow: Callable[..., None]) -> None:
    follow(rig)
    rig.run_until(lambda: rig.device == "igpu")
    theirs = encode_hint(Hint("dgpu"))
    write_hint_text(rig.node.folder / "hints", theirs)
    rig.run(60)

    assert hints(rig) == theirs
    assert rig.device == "dgpu"
    rig.executor.stop()
    assert hints(rig) == theirs


def test_small_savings_move_nothing(rig: Any, follow: Callable[..., None]) -> None:
    rig.node.server.slow("igpu", 1.30)  # it takes 2 % less than the CPU still
    follow(rig, wrong={"igpu": 1.30})
    rig.run(90)

    assert rig.device == "cpu"
    assert "dead band" in rig.told


def test_a_paused_node_keeps_its_devices(rig: Any, follow: Callable[..., None]) -> None:
    rig.executor.store.change(paused=True)
    follow(rig)
    rig.run(60)

    assert rig.device == "cpu"
    assert hints(rig) == ""


def test_what_was_learned_outlives_a_restart_but_not_another_classifier(
    rig: Any, follow: Callable[..., None]
) -> None:
    follow(rig, wrong={"igpu": 0.3})
    rig.run_until(lambda: rig.device == "igpu")
    rig.run(40)

    rig.start()
    rig.run(2)
    assert rig.desk.correction.correction.estimates
    follow(rig, digest="e" * 64)
    rig.run(2)
    assert not rig.desk.correction.correction.estimates
