"""Where two versions decide differently, and by how many watts."""

from components.releases.scores import CaseScore, Scores
from flows.comparing import differences


def scores(policy: str, *cases: tuple[str, float, bool]) -> Scores:
    return Scores(
        policy,
        "e" * 64,
        tuple(
            CaseScore(
                case=name, regret=0.0, violated=missed, probes=5, unsafe_probes=0, power_w=watts
            )
            for name, watts, missed in cases
        ),
    )


def test_the_largest_difference_comes_first_and_equal_decisions_are_left_out() -> None:
    first = scores(
        "one", ("a at 5 ms", 200.0, False), ("b at 7 ms", 150.0, False), ("c", 90.0, False)
    )
    second = scores(
        "two", ("a at 5 ms", 190.0, False), ("b at 7 ms", 180.0, False), ("c", 90.01, False)
    )
    found = differences(first, second)
    assert [(row.case, row.saved_w) for row in found] == [("b at 7 ms", -30.0), ("a at 5 ms", 10.0)]


def test_a_target_that_one_misses_is_a_difference_at_equal_watts() -> None:
    [found] = differences(scores("one", ("a", 90.0, False)), scores("two", ("a", 90.0, True)))
    assert found.violated == (False, True)


def test_cases_that_only_one_has_are_no_difference() -> None:
    assert differences(scores("one", ("a", 90.0, False)), scores("two", ("b", 10.0, False))) == ()
