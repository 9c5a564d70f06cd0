"""A trained device classifier as ONNX graphs within the allow-list, with golden outputs."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from components.policy.device_facts import DeviceFacts, facts_to_json
from components.policy.device_files import DEVICE_GOLDEN, FACTS, open_device_files
from components.policy.device_graphs import device_graph
from components.policy.feature_spec import FeatureSpec
from components.policy.graphs import open_graph
from models.device_classifier.absolute_cost import UNKNOWN
from models.device_classifier.confidence import MISTAKE, MOST_REGRET
from models.device_classifier.graph_of_deciders import write_outlook
from models.device_classifier.graph_of_learners import LearnerWriter, squared_distances
from models.device_classifier.graph_writer import GraphWriter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.device_classifier.region import Region
    from models.device_classifier.training import TrainedClassifier, TrainedObjective

N_GOLDEN = 16
MOST_SHIFT = 0.5


def export(trained: TrainedClassifier, *, seed: int = 0) -> dict[str, bytes]:
    """Serialise as the files of a bundle: graphs, what they mean, golden inputs and outputs.

    Raises:
        BundleError: what was written does not pass the checks of the node.
    """
    files: dict[str, bytes] = {FACTS: facts_to_json(_facts(trained))}
    golden: dict[str, NDArray[np.generic]] = {}
    for objective, learned in trained.objectives.items():
        graph = device_graph(objective)
        files[graph.file] = write_objective(objective, learned, trained)
        inputs = random_inputs(trained, N_GOLDEN, seed)
        outputs = open_graph(graph, files[graph.file])(inputs)
        golden |= {f"{objective}/{name}": value for name, value in inputs.items()}
        golden |= {f"{objective}/{name}": value for name, value in outputs.items()}
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **golden)
    files[DEVICE_GOLDEN] = buffer.getvalue()
    open_device_files(files)
    return files


def random_inputs(
    trained: TrainedClassifier, n_rows: int, seed: int
) -> dict[str, NDArray[np.float64]]:
    """Features within the ranges of training and a little outside, and shifts."""
    rng = np.random.default_rng(seed)
    low, high = trained.low, trained.high
    shares = rng.uniform(-0.05, 1.05, size=(n_rows, len(low)))
    plain = low + (high - low) * shares
    is_wide = (low > 0) & (high > 20.0 * np.maximum(low, 1e-300))
    safe_low, safe_high = np.where(is_wide, low, 1.0), np.where(is_wide, high, 1.0)
    wide = safe_low * (safe_high / safe_low) ** shares
    shift = rng.uniform(-MOST_SHIFT, MOST_SHIFT, size=(n_rows, len(trained.devices)))
    return {"features": np.where(is_wide, wide, plain), "shift": shift}


def write_objective(objective: str, learned: TrainedObjective, trained: TrainedClassifier) -> bytes:
    """The graph of one objective."""
    write = GraphWriter()
    learners = LearnerWriter(write, "features")
    strangeness = _strangeness(write, learners, learned.region)
    p, loss = write_outlook(write, learners, learned.decider, "shift")
    among, n_devices = learned.decider.among, len(trained.devices)
    p = spread_out(write, p, among, n_devices, 0.0)
    loss = spread_out(write, loss, among, n_devices, MOST_REGRET + MISTAKE)
    log_cost = write.op("Add", _costs(write, learners, learned), "shift")
    widened = write.with_number("Max", strangeness, 1.0)
    return write.serialised(
        device_graph(objective),
        {"features": len(trained.feature_names), "shift": len(trained.devices)},
        {
            "log_cost": log_cost,
            "sigma": write.with_number("Mul", widened, learned.cost.sigma[None, :]),
            "p": p,
            "loss": loss,
            "strangeness": write.op("Squeeze", strangeness, write.constant(np.array([1]))),
        },
    )


def _costs(write: GraphWriter, learners: LearnerWriter, learned: TrainedObjective) -> str:
    found = learners.fitted(learned.cost.fitted)
    return spread_out(write, found, learned.cost.measured, len(learned.cost.sigma), UNKNOWN)


def spread_out(
    write: GraphWriter, value: str, columns: NDArray[np.int64], n_columns: int, rest: float
) -> str:
    """Columns [B, C] put where they belong among [B, D], the others filled with a number."""
    if len(columns) == n_columns:
        return value
    places = np.zeros((len(columns), n_columns))
    places[np.arange(len(columns)), columns] = 1.0
    filled = np.where(places.any(axis=0), 0.0, rest)
    return write.with_number("Add", write.with_number("MatMul", value, places), filled)


def _strangeness(write: GraphWriter, learners: LearnerWriter, region: Region) -> str:
    scaled = learners.scaled(region.views)
    below = write.op("Sub", write.constant(region.low), scaled)
    above = write.with_number("Sub", scaled, region.high)
    outside = write.with_number("Div", write.op("Max", below, above), region.room)
    worst = write.op("Relu", write.sums("ReduceMax", outside))
    if len(region.points) == 0:
        return worst
    x = write.columns(learners.standard(region.views), region.views.kept)
    squared = write.sums("ReduceMin", squared_distances(write, x, region.points))
    mean = write.with_number("Mul", squared, 1.0 / region.points.shape[1] / region.reach**2)
    return write.op("Max", worst, write.op("Sqrt", mean))


def _facts(trained: TrainedClassifier) -> DeviceFacts:
    return DeviceFacts(
        devices=dict(trained.devices),
        features=tuple(
            FeatureSpec(name, "1", float(low), float(high))
            for name, low, high in zip(
                trained.feature_names, trained.low, trained.high, strict=True
            )
        ),
        sure_from={name: each.sure_from for name, each in trained.objectives.items()},
        deciders={name: each.name for name, each in trained.objectives.items()},
        source=trained.source,
        n_rows=trained.n_rows,
    )
