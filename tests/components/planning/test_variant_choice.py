"""Which version of an application runs: good enough always, and no switch for nothing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from components.jobs.variant import Variant
from components.planning.variant_choice import LEAST_GAIN, allowed_variants, choose_variant

FP32, INT8, TINY = Variant("fp32", 0.76), Variant("int8", 0.75), Variant("tiny", 0.60)
ALL = (TINY, FP32, INT8)


def choose(in_force: str, seen_ms: dict[str, float], *, rests: bool = True, least: float = 0.7):
    return choose_variant(ALL, least, in_force, seen_ms, is_resting=rests)


def test_what_was_not_seen_is_tried_the_best_first_and_nothing_below_the_least_quality():
    assert (choose("fp32", {}).variant, choose("fp32", {}).is_trial) == ("fp32", True)
    assert choose("fp32", {"fp32": 10.0}).variant == "int8"
    assert choose("int8", {"fp32": 10.0, "int8": 9.8}).variant == "fp32"


def test_a_version_that_is_clearly_faster_is_taken():
    choice = choose("fp32", {"fp32": 10.0, "int8": 6.0})

    assert (choice.variant, choice.is_trial) == ("int8", False)
    assert "fp32 10 ms, int8 6 ms" in choice.reason


def test_while_its_cpus_are_searched_for_it_stays():
    assert choose("fp32", {"fp32": 10.0, "int8": 1.0}, rests=False).variant == "fp32"


def test_a_version_below_the_least_quality_does_not_stay_even_then():
    choice = choose("tiny", {}, rests=False)

    assert (choice.variant, choice.is_trial) == ("fp32", False)
    assert "below the least quality, 0.7" in choice.reason


def test_where_none_is_good_enough_the_best_runs():
    assert choose("int8", {"fp32": 99.0, "int8": 1.0}, least=0.9).variant == "fp32"


@given(
    st.lists(st.floats(0.0, 1.0), min_size=1, max_size=5),
    st.floats(0.0, 1.0),
    st.data(),
)
def test_whatever_was_seen_it_is_good_enough_and_not_much_slower_than_a_better_one(
    qualities, least, data
):
    variants = [Variant(f"v{n}", quality) for n, quality in enumerate(qualities)]
    seen = {v.name: data.draw(st.floats(0.1, 100.0)) for v in variants if data.draw(st.booleans())}
    in_force = data.draw(st.sampled_from([v.name for v in variants]))

    choice = choose_variant(variants, least, in_force, seen, is_resting=data.draw(st.booleans()))

    allowed = {v.name: v.quality for v in allowed_variants(variants, least)}
    assert choice.variant in allowed
    if not choice.is_trial and choice.variant != in_force and seen.keys() >= allowed.keys():
        better = [n for n, q in allowed.items() if q > allowed[choice.variant]]
        assert all(seen[choice.variant] <= seen[n] * (1 - LEAST_GAIN) for n in better)
