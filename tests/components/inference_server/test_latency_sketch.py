import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.inference_server.latency_sketch import LatencySketch


@given(
    st.lists(st.floats(1e-5, 100), min_size=1, max_size=200),
    st.floats(0.01, 1),
)
def test_a_quantile_is_within_half_a_percent_of_the_sorted_one(latencies, q):
    sketch = LatencySketch()
    for latency_s in latencies:
        sketch.add(latency_s)
    exact = sorted(latencies)[math.ceil(q * len(latencies)) - 1]
    assert sketch.quantile_s(q) == pytest.approx(exact, rel=0.0051)
    assert sketch.largest_s() == max(latencies)
    assert sketch.mean_s() == pytest.approx(sum(latencies) / len(latencies))
    assert sketch.n == len(latencies)


def test_without_latencies_there_is_no_figure():
    sketch = LatencySketch()
    assert (sketch.mean_s(), sketch.largest_s(), sketch.quantile_s(0.5)) == (None, None, None)
