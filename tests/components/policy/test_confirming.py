from __future__ import annotations

import pytest

from components.policy.confirming import next_part, outcome


@pytest.mark.parametrize("n_wanted", [1, 3, 10, 17])
def test_parts_add_up_to_the_whole_and_go_on_beyond_it(n_wanted):
    done, parts = 0.0, []
    while done < n_wanted:
        parts.append(next_part(done, n_wanted))
        done += parts[-1]
    assert done == n_wanted
    assert len(parts) == min(n_wanted, 5) or n_wanted == 17
    assert next_part(done, n_wanted) >= 1


@pytest.mark.parametrize(
    ("n_confirmed", "accepted", "refused", "over", "wanted"),
    [
        (4.0, True, False, False, None),
        (10.0, True, False, False, True),
        (2.0, False, True, True, False),
        (10.0, False, False, True, False),
        (10.0, False, False, False, None),
        (30.0, False, False, False, False),
    ],
)
def test_it_takes_its_length_and_longer_only_while_the_mean_keeps_the_target(
    n_confirmed, accepted, refused, over, wanted
):
    found = outcome(n_confirmed, 10, is_accepted=accepted, is_refused=refused, is_over=over)
    assert found is wanted
