from __future__ import annotations

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.policy.default_bundle import default_bundle
from components.policy.errors import BundleError
from components.policy.onnx_file import read_onnx

PREDICT = default_bundle() / "predict.onnx"


@pytest.mark.parametrize("name", ["predict.onnx", "probe.onnx"])
def test_operators_and_weights_agree_with_what_the_onnx_package_reads(name):
    data = (default_bundle() / name).read_bytes()
    graph = onnx.load_from_string(data).graph
    found = read_onnx(data)
    assert found.operators == {node.op_type for node in graph.node}
    for tensor in graph.initializer:
        np.testing.assert_array_equal(
            found.weights[tensor.name], onnx.numpy_helper.to_array(tensor)
        )


@given(st.binary(max_size=200))
def test_bytes_that_are_no_model_are_refused_and_nothing_else_is_raised(data):
    with pytest.raises(BundleError):
        read_onnx(data)


@given(st.data())
def test_a_model_cut_off_anywhere_is_refused_or_reads_no_further(data):
    whole = PREDICT.read_bytes()
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    try:
        found = read_onnx(cut)
    except BundleError:
        return
    assert found.operators <= read_onnx(whole).operators
