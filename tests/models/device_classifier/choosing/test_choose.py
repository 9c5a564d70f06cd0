"""`device choose` answers every item, as the made-up host's own figures would."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from components.inference_server.networks import write_network
from components.madeup.devices.network import MadeUpNetwork
from components.madeup.devices.roofline_host import RooflineHost
from components.madeup.devices.table import NETWORK_FEATURES
from components.policy.device_policies import DevicePolicy
from models.device_classifier.choose import Advice, advise
from models.device_classifier.choose_batch import best_batch, largest_fitting, pieces
from models.device_classifier.choose_question import DeviceRoom, HostKnown, Question, threads_of
from models.device_classifier.partition import best_partition

if TYPE_CHECKING:
    from pathlib import Path

IDLE, WARM = 0.14, 1.0
NETWORK = MadeUpNetwork(
    "simulated-net", "simulated-net", 21, 21, 0.001, 1.8, 0.0, 0.0, 46.0, 20.0, 0.6, 48
)
FEATURES = {name: float(getattr(NETWORK, name)) for name in NETWORK_FEATURES}


@pytest.fixture
def question(host: HostKnown) -> Question:
    return Question(host, "net", FEATURES, 6.4, 4096, DevicePolicy.LATENCY, IDLE, None)


@pytest.fixture(scope="session")
def truth() -> RooflineHost:
    return RooflineHost(0, (1, 8))


def best(truth: RooflineHost, batch: int, clock: float, quantity: str) -> str:
    costs = truth.costs(NETWORK, batch, clock)
    return min(costs, key=lambda name: getattr(costs[name], quantity))


@pytest.mark.parametrize("batch", [1, 4096])
@pytest.mark.parametrize("clock", [IDLE, WARM])
def test_device_and_energy_are_chosen_as_the_host_itself_would(
    question: Question, truth: RooflineHost, batch: int, clock: float
) -> None:
    asked = replace(question, batch=batch, clock_share=clock)
    by_latency = advise(asked).choice
    by_energy = advise(replace(asked, policy=DevicePolicy.ENERGY)).choice

    assert by_energy.device == best(truth, batch, clock, "energy_j")
    if by_latency.is_sure:
        assert by_latency.device == best(truth, batch, clock, "latency_ms")
    else:
        assert best(truth, batch, clock, "latency_ms") in by_latency.to_measure


def test_every_item_of_the_search_space_is_answered(question: Question) -> None:
    advice: Advice = advise(question)

    assert [answer.question for answer in advice.answers] == [
        "Which device?",
        "How many samples?",
        "How many work groups / threads?",
        "How to partition?",
        "What memory to use?",
        "Power saver idle state?",
    ]
    assert all(answer.answer and answer.why for answer in advice.answers)


def test_the_best_batch_meets_its_target_and_a_bigger_target_allows_more(
    question: Question,
) -> None:
    found = [best_batch(replace(question, target_ms=target)) for target in (20.0, 2000.0)]

    assert found[0] is not None
    assert found[1] is not None
    assert found[0].latency_ms <= 20.0
    assert found[0].batch < found[1].batch
    assert best_batch(replace(question, target_ms=1e-4)) is None


def test_a_batch_that_is_too_slow_is_cut_into_pieces_that_are_not(question: Question) -> None:
    cut = pieces(replace(question, target_ms=300.0, clock_share=WARM), "dgpu")

    assert cut is not None
    assert cut.first_ms <= 300.0 < cut.whole_ms
    assert cut.size * cut.count >= question.batch
    assert pieces(replace(question, target_ms=1e6), "dgpu") is None


def test_a_partition_gives_what_both_devices_truly_take(
    question: Question, truth: RooflineHost
) -> None:
    found = best_partition(replace(question, clock_share=WARM))

    assert found is not None
    costs = truth.costs(NETWORK, question.batch, WARM)
    parts = (
        truth.costs(NETWORK, round(question.batch * share), WARM)[device].latency_ms
        for device, share in ((found.first, found.share), (found.second, 1 - found.share))
    )
    true_gain = 1.0 - max(parts) / costs[found.alone].latency_ms
    assert found.gain == pytest.approx(true_gain, abs=0.08)
    assert question.kind(found.first) != question.kind(found.second)


def test_one_input_is_not_shared(question: Question) -> None:
    assert best_partition(replace(question, batch=1)) is None


def test_memory_bounds_the_batch_and_the_choice(question: Question) -> None:
    small = DeviceRoom(1000.0, False, IDLE, 22.0)
    rooms = {**question.host.rooms, "dgpu": small}
    tight = replace(question, host=replace(question.host, rooms=rooms), clock_share=WARM)

    assert largest_fitting(tight, "dgpu") == int((1000.0 - 46.0) / 7.0)
    assert advise(tight).choice.device != "dgpu"
    assert "dgpu would take it in pieces of" in advise(tight).answers[4].why


def test_letting_a_gpu_sleep_is_weighed_against_its_wake_up(question: Question) -> None:
    answer = advise(question).answers[5]
    assert "let it idle when batches are more than" in answer.answer

    waking = advise(replace(question, target_ms=1000.0)).answers[5]
    warm_ms = question.outlook(clock_share=WARM).devices[-1].latency_ms
    idle_ms = question.outlook(clock_share=IDLE).devices[-1].latency_ms
    between = replace(question, target_ms=(warm_ms + idle_ms) / 2)
    assert advise(between).answers[5].answer == "keep it awake"
    assert waking.answer != "keep it awake" or warm_ms < 1000.0 < idle_ms


def test_what_is_not_known_of_a_host_is_not_made_up(question: Question) -> None:
    unknown = replace(question, host=replace(question.host, rooms={}))
    answers = advise(unknown).answers

    assert answers[5].answer == "not known"
    assert "nothing is known" in answers[4].why


def test_threads_are_read_off_the_names_of_devices() -> None:
    assert [threads_of(name) for name in ("cpu@4", "ort-2t", "cpu", "dgpu:0")] == [4, 2, None, None]


def test_the_command_explains_refuses_and_writes_features(folder: Path, tmp_path: Path) -> None:
    model, features = tmp_path / "mlp.onnx", tmp_path / "features.json"
    write_network("mlp-small", model)
    command = [sys.executable, "-m", "flows.cli.main", "device", "choose", str(model)]
    command += ["--bundle", str(folder), "--home", str(tmp_path / "home")]

    done = subprocess.run(
        [*command, "--batch", "64", "--explain", "--features-out", str(features)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    said = subprocess.run(
        [*command, "--batch", "64", "--json"], capture_output=True, text=True, check=False
    )
    wrong = subprocess.run(
        [*command, "--batch", "64", "--state", "sleepy"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode in {0, 2}
    assert "simulated devices" in done.stdout
    for item in ("Which device?", "How to partition?", "Power saver idle state?"):
        assert item in done.stdout
    assert json.loads(features.read_text())["gmac_dense"] > 0
    facts = json.loads(said.stdout)
    assert facts["choice"]["device"] in {each["device"] for each in facts["devices"]}
    assert said.returncode == (0 if facts["choice"]["is_sure"] else 2)
    assert wrong.returncode == 1
    assert "say idle, warm" in wrong.stderr
