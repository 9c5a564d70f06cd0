"""The first load of a bundle, in a child that a bomb may kill."""

from __future__ import annotations

import hashlib
import json
import resource
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from components.policy.errors import BundleError
from components.policy.limited_load import try_in_child

if TYPE_CHECKING:
    from pathlib import Path


def test_a_good_bundle_outlives_its_child(bundle: Path) -> None:
    try_in_child(bundle)


def test_a_damaged_bundle_is_refused_with_the_reason_of_the_check(bundle: Path) -> None:
    (bundle / "probe.onnx").write_bytes(b"no graph")
    with pytest.raises(BundleError, match="SHA-256"):
        try_in_child(bundle)


def test_a_manifest_that_is_none_is_refused(bundle: Path) -> None:
    (bundle / "bundle.json").write_text("[" * 100_000)
    with pytest.raises(BundleError):
        try_in_child(bundle)


def test_a_bomb_of_allowed_operators_dies_in_the_child_alone(bundle: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    _rebuild(bundle, _outer_sums)
    with pytest.raises(BundleError, match=r"ended with|failed"):
        try_in_child(bundle)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000


def test_a_tensor_of_160_gb_written_in_the_file_is_refused_in_the_child(bundle: Path) -> None:
    _rebuild(bundle, _constant_of_shape)
    with pytest.raises(BundleError, match=r"ConstantOfShape|ended with"):
        try_in_child(bundle)


def test_a_child_without_enough_memory_is_a_refusal_and_no_crash(bundle: Path) -> None:
    with pytest.raises(BundleError, match="the child ended with"):
        try_in_child(bundle, memory_bytes=64 << 20)


def test_the_child_has_neither_network_nor_files_to_write() -> None:
    import subprocess
    import sys

    program = (
        "import resource, socket\n"
        "from components.policy.limited_load import _give_up\n"
        "_give_up(1 << 30)\n"
        "print(resource.getrlimit(resource.RLIMIT_FSIZE)[0], resource.getrlimit(8)[0] >= 0)\n"
        "s = socket.socket()\n"
        "print(s.connect_ex(('127.0.0.1', 9)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    size, answer = done.stdout.split()[0], int(done.stdout.split()[-1])
    assert size == "0"
    assert answer != 0


def _rebuild(bundle: Path, change: object) -> None:
    """Change the predictor, with digests made anew as someone who means harm would."""
    model = onnx.load(bundle / "predict.onnx")
    change(model.graph)
    onnx.save(model, bundle / "predict.onnx")
    manifest = json.loads((bundle / "bundle.json").read_text())
    data = (bundle / "predict.onnx").read_bytes()
    manifest["files"]["predict.onnx"] = hashlib.sha256(data).hexdigest()
    (bundle / "bundle.json").write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n")


def _outer_sums(graph: onnx.GraphProto) -> None:
    """Blow an output up by sums over new dimensions, and add nothing of it to the result."""
    output = _renamed_output(graph, "latency_log")
    axis = numpy_helper.from_array(np.array([1], np.int64), "bomb_axis")
    zero = numpy_helper.from_array(np.array(0.0, np.float32), "bomb_zero")
    every = numpy_helper.from_array(np.arange(3, dtype=np.int64), "bomb_every")
    big = numpy_helper.from_array(np.zeros((1, 1, 400_000), np.float32), "bomb_big")
    graph.initializer.extend([axis, zero, every, big])
    graph.node.extend(
        [
            helper.make_node("Transpose", ["bomb_big"], ["bomb_tall"], perm=[0, 2, 1]),
            helper.make_node("Unsqueeze", [output, "bomb_axis"], ["bomb_seen"]),
            helper.make_node("ReduceMax", ["bomb_seen"], ["bomb_max"], keepdims=1),
            helper.make_node("Add", ["bomb_big", "bomb_max"], ["bomb_wide"]),
            helper.make_node("Add", ["bomb_tall", "bomb_wide"], ["bomb_square"]),
            helper.make_node("ReduceMax", ["bomb_square"], ["bomb_one"], keepdims=0),
            helper.make_node("Mul", ["bomb_one", "bomb_zero"], ["bomb_nothing"]),
            helper.make_node("Add", [output, "bomb_nothing"], ["latency_log"]),
        ]
    )


def _constant_of_shape(graph: onnx.GraphProto) -> None:
    output = _renamed_output(graph, "latency_log")
    shape = numpy_helper.from_array(np.array([200_000, 200_000], np.int64), "bomb_shape")
    graph.initializer.append(shape)
    graph.node.extend(
        [
            helper.make_node("ConstantOfShape", ["bomb_shape"], ["bomb_zeros"]),
            helper.make_node("ReduceMax", ["bomb_zeros"], ["bomb_one"], keepdims=0),
            helper.make_node("Add", [output, "bomb_one"], ["latency_log"]),
        ]
    )


def _renamed_output(graph: onnx.GraphProto, name: str) -> str:
    for node in graph.node:
        for number, output in enumerate(node.output):
            if output == name:
                node.output[number] = f"{name}_before"
    return f"{name}_before"
