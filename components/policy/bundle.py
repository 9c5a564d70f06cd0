"""A bundle: one policy as a folder of data, checked before it may decide anything.

The folder holds `bundle.json`, `predict.onnx`, `probe.onnx` and `golden.npz`, maybe `recorded.npz`
(what was recorded of single jobs on single nodes), nothing else. None
of it is executed, pickled or imported. A flipped byte in a weight would load without complaint
and decide wrongly, hence digests of every file and golden inputs with their outputs; a small graph
can ask for a huge tensor, hence the operator allow-list and size caps.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from components.policy.bundle_folder import MANIFEST, damaged, read_file, read_files, write_files
from components.policy.features import CANDIDATE_FEATURES
from components.policy.graphs import ALLOWED_OPERATORS, PREDICT, PROBE, Graph, open_graph
from components.policy.manifest import ANY_NODE, CORE_ALLOCATOR, Bundle, from_json, to_json
from components.policy.onnx_file import read_onnx
from components.policy.recorded import RecordedSurfaces
from components.policy.recorded_file import RECORDED, read_recorded
from components.policy.rows import ROW_FEATURES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from components.policy.graphs import Ask

__all__ = [
    "ANY_NODE",
    "CORE_ALLOCATOR",
    "Bundle",
    "OpenBundle",
    "bundle_digest",
    "check_bundle",
    "open_bundle",
    "write_bundle",
]

GOLDEN = "golden.npz"
FILES = frozenset({PREDICT.file, PROBE.file, GOLDEN})
MAYBE = frozenset({RECORDED})
GOLDEN_TOLERANCE = 1e-4


def write_bundle(folder: Path, bundle: Bundle, files: Mapping[str, bytes]) -> Bundle:
    """Write a bundle folder; digests of the files are filled in.

    Raises:
        BundleError: what was written does not pass `check_bundle`.
    """
    digests = write_files(folder, files)
    (folder / MANIFEST).write_bytes(to_json(replace(bundle, files=digests)))
    return check_bundle(folder)


def bundle_digest(folder: Path) -> str:
    """SHA-256 of `bundle.json`, which itself names the digest of every other file.

    Raises:
        BundleError: there is no readable `bundle.json`.
    """
    return hashlib.sha256(read_file(folder, MANIFEST)).hexdigest()


@dataclass(frozen=True, slots=True)
class OpenBundle:
    """A bundle that passed its checks, and its graphs as they were tried."""

    bundle: Bundle
    predictor: Ask
    prober: Ask
    recorded: RecordedSurfaces


def check_bundle(folder: Path) -> Bundle:
    """Read a bundle and try it: digests, operators, sizes, finite weights, golden outputs.

    Raises:
        BundleError: the folder is damaged or breaks the contract of a bundle.
    """
    return open_bundle(folder).bundle


def open_bundle(folder: Path) -> OpenBundle:
    """Check a bundle, and keep the graphs that were opened for it: opening them costs most.

    Raises:
        BundleError: as `check_bundle`.
    """
    bundle = from_json(read_file(folder, MANIFEST))
    if not FILES <= set(bundle.files) <= FILES | MAYBE:
        raise damaged(folder, f"it names {sorted(bundle.files)}, not {sorted(FILES)}")
    files = read_files(folder, bundle.files)
    _check_contract(folder, bundle)
    golden = _golden_of(folder, files[GOLDEN])
    predictor, prober = (_open_checked(folder, g, files[g.file], golden) for g in (PREDICT, PROBE))
    return OpenBundle(bundle, predictor, prober, recorded_in(folder))


def recorded_in(folder: Path) -> RecordedSurfaces:
    """Read what a bundle recorded of single jobs; nothing where it has no such file.

    Raises:
        BundleError: the file is damaged.
    """
    if not (folder / RECORDED).exists():
        return RecordedSurfaces()
    return read_recorded(read_file(folder, RECORDED))


def _check_contract(folder: Path, bundle: Bundle) -> None:
    for name, given, known in (
        ("features", bundle.features, CANDIDATE_FEATURES),
        ("row_features", bundle.row_features, ROW_FEATURES),
        ("outputs", bundle.outputs, PREDICT.outputs),
    ):
        if given != known:
            raise damaged(folder, f"its {name} are not those that this joulepilot computes")


def _open_checked(
    folder: Path, graph: Graph, data: bytes, golden: Mapping[str, NDArray[np.generic]]
) -> Ask:
    _check_graph(folder, graph, data)
    ask = open_graph(graph, data)
    _check_golden(folder, graph, ask, golden)
    return ask


def _check_graph(folder: Path, graph: Graph, data: bytes) -> None:
    content = read_onnx(data)
    foreign = sorted(content.operators - ALLOWED_OPERATORS)
    if foreign:
        raise damaged(folder, f"{graph.file} uses the operators {foreign}, which are not allowed")
    for name, weight in content.weights.items():
        if weight.dtype.kind == "f" and not np.isfinite(weight).all():
            raise damaged(folder, f"the weight {name} of {graph.file} is not finite")


def _check_golden(
    folder: Path, graph: Graph, ask: Ask, golden: Mapping[str, NDArray[np.generic]]
) -> None:
    missing = [n for n in (*graph.inputs, *graph.output_names) if n not in golden]
    if missing:
        raise damaged(folder, f"{GOLDEN} lacks {missing}")
    outputs = ask({name: golden[name] for name in graph.inputs})
    for name, actual in outputs.items():
        wanted = golden[name]
        if not np.isfinite(actual).all():
            raise damaged(folder, f"{graph.file} gives values of {name} that are not finite")
        if actual.shape != wanted.shape:
            raise damaged(folder, f"{graph.file} gives {name} of shape {actual.shape}")
        if not np.allclose(actual, wanted, rtol=GOLDEN_TOLERANCE, atol=GOLDEN_TOLERANCE):
            raise damaged(folder, f"{graph.file} gives other values of {name} than {GOLDEN} holds")


def _golden_of(folder: Path, data: bytes) -> dict[str, NDArray[np.generic]]:
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise damaged(folder, f"{GOLDEN} is unreadable: {error}") from error
