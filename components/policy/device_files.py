"""The files of a device classifier in a bundle's folder, checked before they may decide anything.

`classifier.json` says what they mean, `OBJECTIVE.onnx` decides, `device_golden.npz` holds inputs
and the outputs the graphs must give for them, as `OBJECTIVE/NAME`.
"""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

import numpy as np

from components.policy.device_facts import facts_from_json
from components.policy.device_graphs import DEVICE_OPERATORS, device_graph, open_device_graph
from components.policy.errors import BundleError
from components.policy.onnx_file import read_onnx

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from components.policy.device_facts import DeviceFacts
    from components.policy.device_graphs import OpenDeviceGraph

FACTS = "classifier.json"
DEVICE_GOLDEN = "device_golden.npz"
TOLERANCE = 1e-4


def device_file_names(facts: DeviceFacts) -> tuple[str, ...]:
    """All files a device classifier consists of."""
    return (FACTS, DEVICE_GOLDEN, *(device_graph(each).file for each in facts.objectives))


def open_device_files(files: Mapping[str, bytes]) -> tuple[DeviceFacts, dict[str, OpenDeviceGraph]]:
    """Check the files and open a graph for each objective.

    Raises:
        BundleError: a file is missing, holds what it may not, or gives other values than agreed.
    """
    facts = facts_from_json(_file(files, FACTS))
    golden = _read_golden(_file(files, DEVICE_GOLDEN))
    asks: dict[str, OpenDeviceGraph] = {}
    widths = len(facts.features), len(facts.devices)
    for objective in facts.objectives:
        data = _file(files, device_graph(objective).file)
        _check_content(objective, data)
        asks[objective] = open_device_graph(objective, data, *widths)
        _check_golden(facts, objective, asks[objective], golden)
    return facts, asks


def _check_content(objective: str, data: bytes) -> None:
    content = read_onnx(data)
    foreign = sorted(content.operators - DEVICE_OPERATORS)
    if foreign:
        raise _bad(f"{objective}.onnx uses the operators {foreign}, which are not allowed")
    for name, weight in content.weights.items():
        if weight.dtype.kind == "f" and not np.isfinite(weight).all():
            raise _bad(f"the weight {name} of {objective}.onnx is not finite")


def _check_golden(
    facts: DeviceFacts,
    objective: str,
    ask: OpenDeviceGraph,
    golden: Mapping[str, NDArray[np.generic]],
) -> None:
    graph = device_graph(objective)
    names = [f"{objective}/{name}" for name in (*graph.inputs, *graph.output_names)]
    missing = [name for name in names if name not in golden]
    if missing:
        raise _bad(f"{DEVICE_GOLDEN} lacks {missing}")
    inputs = {name: golden[f"{objective}/{name}"] for name in graph.inputs}
    n_rows = len(inputs["features"])
    widths = {"features": len(facts.features), "shift": len(facts.devices)}
    if n_rows == 0 or any(inputs[n].shape != (n_rows, width) for n, width in widths.items()):
        raise _bad(f"{DEVICE_GOLDEN} has inputs of {objective} in other shapes than {FACTS} says")
    ask({name: rows[:1] for name, rows in inputs.items()})  # memory is planned for what comes first
    for name, actual in ask(inputs).items():
        wanted = golden[f"{objective}/{name}"]
        if actual.shape != wanted.shape or not np.isfinite(actual).all():
            raise _bad(f"{objective}.onnx gives {name} of another shape, or not finite")
        if not np.allclose(actual, wanted, rtol=TOLERANCE, atol=TOLERANCE):
            raise _bad(f"{objective}.onnx gives other values of {name} than {DEVICE_GOLDEN} holds")


def _read_golden(data: bytes) -> dict[str, NDArray[np.generic]]:
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise _bad(f"{DEVICE_GOLDEN} is unreadable: {error}") from error


def _file(files: Mapping[str, bytes], name: str) -> bytes:
    if name not in files:
        raise _bad(f"there is no {name}")
    return files[name]


def _bad(found: str) -> BundleError:
    return BundleError(
        "asked for a device classifier",
        found,
        "take it again from where it was built, or keep the one in force",
    )
