"""The four policies differ where they should, and say when to measure first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.policy.device_policies import (
    ENERGY,
    LATENCY,
    THROUGHPUT,
    DevicePolicy,
    Expected,
    choose_device,
)
from components.policy.errors import PolicyError

if TYPE_CHECKING:
    from collections.abc import Sequence


def expected(
    device: str,
    latency_ms: float,
    energy_j: float,
    rate: float,
    *,
    p: float = 1 / 3,
    sigma: float = 0.05,
) -> Expected:
    shares = dict.fromkeys((LATENCY, ENERGY, THROUGHPUT), p)
    losses = {LATENCY: latency_ms, ENERGY: energy_j, THROUGHPUT: 1 / rate}
    return Expected(device, latency_ms, sigma, energy_j, sigma, rate, shares, losses)


CPU = expected("cpu", 4.0, 0.25, 250.0)
IGPU = expected("igpu", 6.0, 0.1, 300.0)
DGPU = expected("dgpu", 30.0, 0.9, 4000.0)
ALL = (CPU, IGPU, DGPU)


@pytest.mark.parametrize(
    ("policy", "device"),
    [
        (DevicePolicy.LATENCY, "cpu"),
        (DevicePolicy.ENERGY, "igpu"),
        (DevicePolicy.THROUGHPUT, "dgpu"),
    ],
)
def test_each_policy_chooses_by_its_own_quantity(policy: DevicePolicy, device: str) -> None:
    assert choose_device(ALL, policy, sure_from=0.3).device == device


def test_under_a_target_the_cheapest_that_meets_it_is_chosen() -> None:
    policy = DevicePolicy.ENERGY_UNDER_TARGET

    assert choose_device(ALL, policy, sure_from=0.3, target_ms=10.0).device == "igpu"
    tight = choose_device(ALL, policy, sure_from=0.3, target_ms=4.5)
    assert (tight.device, tight.is_sure, tight.meets_target) == ("cpu", True, True)


def test_where_none_meets_the_target_the_fastest_is_chosen_and_said_to_miss() -> None:
    choice = choose_device(ALL, DevicePolicy.ENERGY_UNDER_TARGET, sure_from=0.3, target_ms=1.0)

    assert choice.device == "cpu"
    assert choice.meets_target is False
    assert "no device is sure to meet 1 ms" in choice.reason


def test_a_cheaper_device_that_may_meet_the_target_is_to_be_measured_first() -> None:
    choice = choose_device(ALL, DevicePolicy.ENERGY_UNDER_TARGET, sure_from=0.3, target_ms=6.1)

    assert choice.device == "cpu"
    assert not choice.is_sure
    assert choice.to_measure[0] == "igpu"


def test_an_unlikely_choice_asks_for_a_measurement_of_those_in_question() -> None:
    near = (
        expected("cpu", 4.0, 0.25, 250.0, p=0.55),
        expected("igpu", 4.1, 0.1, 300.0, p=0.44),
        expected("dgpu", 30.0, 0.9, 400.0, p=0.01),
    )

    choice = choose_device(near, DevicePolicy.LATENCY, sure_from=0.8)

    assert choice.device == "cpu"
    assert choice.p == pytest.approx(0.55)
    assert not choice.is_sure
    assert choice.to_measure == ("cpu", "igpu")


def test_a_question_unlike_what_was_learned_is_never_sure() -> None:
    sure = (expected("cpu", 1.0, 1.0, 1.0, p=0.99), expected("dgpu", 9.0, 9.0, 0.1, p=0.01))

    assert choose_device(sure, DevicePolicy.LATENCY, sure_from=0.8).is_sure
    strange = choose_device(sure, DevicePolicy.LATENCY, sure_from=0.8, is_strange=True)
    assert not strange.is_sure
    assert set(strange.to_measure) == {"cpu", "dgpu"}


def test_of_few_devices_probabilities_are_those_among_them() -> None:
    two = (expected("cpu", 4.0, 0.25, 250.0, p=0.3), expected("dgpu", 9.0, 0.9, 900.0, p=0.1))

    assert choose_device(two, DevicePolicy.LATENCY, sure_from=0.8).p == pytest.approx(0.75)


def test_a_single_device_needs_no_measurement() -> None:
    choice = choose_device((CPU,), DevicePolicy.ENERGY, sure_from=0.99)

    assert (choice.device, choice.p, choice.is_sure) == ("cpu", 1.0, True)


def test_a_target_is_needed_and_positive() -> None:
    for target_ms in (None, 0.0):
        with pytest.raises(PolicyError, match="latency target"):
            choose_device(ALL, DevicePolicy.ENERGY_UNDER_TARGET, sure_from=0.3, target_ms=target_ms)
    with pytest.raises(PolicyError, match="none to choose"):
        choose_device((), DevicePolicy.ENERGY, sure_from=0.3)


positive = st.floats(min_value=1e-3, max_value=1e3)
devices = st.lists(
    st.builds(
        expected,
        st.sampled_from(["cpu", "igpu", "dgpu", "npu"]),
        positive,
        positive,
        positive,
        p=st.floats(min_value=0.0, max_value=1.0),
    ),
    min_size=1,
    unique_by=lambda each: each.device,
)


@given(devices, positive)
def test_a_looser_target_never_costs_more_energy(among: Sequence[Expected], target: float) -> None:
    policy = DevicePolicy.ENERGY_UNDER_TARGET
    by_name = {each.device: each for each in among}
    tight, loose = (
        choose_device(among, policy, sure_from=0.8, target_ms=target * factor)
        for factor in (1.0, 2.0)
    )
    if tight.meets_target:
        assert loose.meets_target
        assert by_name[loose.device].energy_j <= by_name[tight.device].energy_j
