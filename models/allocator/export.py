"""Networks to ONNX graphs and back."""

from __future__ import annotations

import io
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from components.policy.errors import BundleError
from components.policy.graphs import PREDICT, PROBE
from components.policy.onnx_file import read_onnx
from components.policy.rows import N_ROWS, ROW_FEATURES
from models.allocator.nets import N_FEATURES, N_READINGS, Predictor, ProbeNet

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from components.policy.graphs import Graph

_OPSET = 17  # the oldest that has all we use; every runtime in the field reads it
_AXES = {
    "candidates": {0: "batch", 1: "candidates"},
    "probes": {0: "batch", 1: "probes"},
    "probe_mask": {0: "batch", 1: "probes"},
    "rows": {0: "batch", 1: "rows"},
    "row_mask": {0: "batch", 1: "rows"},
}


def export_graphs(predictor: Predictor, prober: ProbeNet, *, seed: int = 0) -> dict[str, bytes]:
    """Serialise both networks, with golden inputs and outputs, as the files of a bundle."""
    rng = np.random.default_rng(seed)
    files: dict[str, bytes] = {}
    golden: dict[str, NDArray[np.float32]] = {}
    for graph, net, inputs in (
        (PREDICT, predictor, random_predictor_inputs(rng, 6, 12, 5)),
        (PROBE, prober, random_probe_inputs(rng, 6)),
    ):
        files[graph.file] = _export(graph, net, inputs)
        golden |= inputs | run(graph, net, inputs)
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **golden)
    return files | {"golden.npz": buffer.getvalue()}


def import_nets(folder: Path) -> tuple[Predictor, ProbeNet]:
    """Rebuild both networks from the weights in a bundle's graphs.

    Raises:
        BundleError: a weight is missing or has another shape.
    """
    predictor, prober = Predictor(), ProbeNet()
    for graph, net in ((PREDICT, predictor), (PROBE, prober)):
        weights = read_onnx((folder / graph.file).read_bytes()).weights
        state = net.state_dict()
        wrong = [
            name
            for name, value in state.items()
            if name not in weights or weights[name].shape != tuple(value.shape)
        ]
        if wrong:
            raise BundleError(
                f"asked for the networks of {folder}",
                f"{graph.file} lacks {wrong}, or has them in another shape",
                "start from a bundle that this joulepilot built",
            )
        net.load_state_dict({n: torch.from_numpy(weights[n].copy()) for n in state})
    return predictor, prober


def run(
    graph: Graph, net: nn.Module, inputs: dict[str, NDArray[np.float32]]
) -> dict[str, NDArray[np.float32]]:
    """Ask a network what its graph will be asked."""
    with torch.no_grad():
        outputs = net.eval()(*(torch.from_numpy(inputs[name]) for name in graph.inputs))
    if not isinstance(outputs, tuple):
        outputs = (outputs,)
    return {n: o.numpy() for n, o in zip(graph.output_names, outputs, strict=True)}


def random_predictor_inputs(
    rng: np.random.Generator, n_batch: int, n_candidates: int, n_probes: int
) -> dict[str, NDArray[np.float32]]:
    """Draw inputs of `predict.onnx` at random; the first probe always counts."""
    mask = rng.integers(0, 2, (n_batch, n_probes))
    mask[:, 0] = 1
    drawn = {
        "candidates": rng.uniform(0.0, 2.0, (n_batch, n_candidates, N_FEATURES)),
        "probes": rng.uniform(0.0, 2.0, (n_batch, n_probes, N_FEATURES + N_READINGS)),
        "probe_mask": mask,
    }
    return {name: value.astype(np.float32) for name, value in drawn.items()}


def random_probe_inputs(rng: np.random.Generator, n_batch: int) -> dict[str, NDArray[np.float32]]:
    """Draw inputs of `probe.onnx` at random; commit is always among the rows."""
    low = np.asarray([max(spec.low, -4.0) for spec in ROW_FEATURES])
    high = np.asarray([min(spec.high, 4.0) for spec in ROW_FEATURES])
    rows = rng.uniform(low, high, (n_batch, N_ROWS, len(ROW_FEATURES)))
    rows[:, :, -1] = 0.0
    rows[:, -1, -1] = 1.0
    mask = rng.integers(0, 2, (n_batch, N_ROWS))
    mask[:, -1] = 1
    return {"rows": rows.astype(np.float32), "row_mask": mask.astype(np.float32)}


def _export(graph: Graph, net: nn.Module, inputs: dict[str, NDArray[np.float32]]) -> bytes:
    arguments: tuple[Tensor, ...] = tuple(torch.from_numpy(inputs[name]) for name in graph.inputs)
    outputs = {name: {0: "batch", 1: "candidates"} for name in graph.output_names}
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        # the exporter that needs no further package is deprecated, and says so
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            net.eval(),
            arguments,
            Path(folder) / graph.file,
            input_names=list(graph.inputs),
            output_names=list(graph.output_names),
            dynamic_axes={name: _AXES[name] for name in graph.inputs} | outputs,
            opset_version=_OPSET,
            do_constant_folding=False,  # folded parameters lose their names
            dynamo=False,
        )
        return (Path(folder) / graph.file).read_bytes()
