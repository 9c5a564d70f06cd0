from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.node.cpuset import MAX_CPU, format_cpu_list, parse_cpu_list
from components.node.errors import CpuListError

cpu_sets = st.frozensets(st.integers(0, MAX_CPU))


@given(cpu_sets)
def test_a_set_survives_being_written_and_read(cpus: frozenset[int]) -> None:
    assert parse_cpu_list(format_cpu_list(cpus)) == cpus


@given(cpu_sets)
def test_writing_what_was_written_changes_nothing(cpus: frozenset[int]) -> None:
    text = format_cpu_list(cpus)
    assert format_cpu_list(parse_cpu_list(text)) == text


@given(st.lists(st.integers(0, 200), min_size=1))
def test_order_and_repeats_of_the_text_do_not_matter(cpus: list[int]) -> None:
    assert parse_cpu_list(",".join(map(str, cpus))) == frozenset(cpus)


@pytest.mark.parametrize(
    ("text", "cpus"),
    [
        ("", set()),
        ("\n", set()),
        ("0", {0}),
        ("00", {0}),
        ("1,0", {0, 1}),
        ("0-3,8,10-11\n", {0, 1, 2, 3, 8, 10, 11}),
        (" 0 , 2 ", {0, 2}),
    ],
)
def test_lists_of_kernels_and_people_are_understood(text: str, cpus: set[int]) -> None:
    assert parse_cpu_list(text) == cpus


def test_it_is_written_like_the_kernel_does() -> None:
    assert format_cpu_list([11, 8, 3, 0, 1, 2, 10, 3]) == "0-3,8,10-11"
    assert format_cpu_list([]) == ""


@pytest.mark.parametrize(
    "text", ["x", "0-", "-1", "3-1", "0,,1", "0,", "1.5", "0-99999", "0-3:1/2", "٣", "0 1"]
)
def test_what_is_no_list_is_refused_by_name(text: str) -> None:
    with pytest.raises(CpuListError, match="asked for the CPU list"):
        parse_cpu_list(text)


def test_a_negative_cpu_is_not_written() -> None:
    with pytest.raises(CpuListError, match="-1 is negative"):
        format_cpu_list([-1, 2])
