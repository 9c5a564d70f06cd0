"""A trained device classifier as ONNX graphs within the allow-list, with golden outputs."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from components.policy.device_facts import DeviceFacts, facts_to_json
from components.policy.device_files import DEVICE_GOLDEN, FACTS, open_device_files
from components.policy.device_graphs import PACKED, device_graph, open_device_graph, packed
from components.policy.feature_spec import FeatureSpec
from models.device_classifier.absolute_cost import UNKNOWN
from models.device_classifier.choice_learners import Shares
from models.device_classifier.confidence import MISTAKE, MOST_REGRET
from models.device_classifier.cost_learners import FittedCost
from models.device_classifier.graph_of_costs import CostSums, distance_weights
from models.device_classifier.graph_of_deciders import write_outlook
from models.device_classifier.graph_of_logs import Logs
from models.device_classifier.graph_of_views import ViewWriter
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
        widths = (len(trained.feature_names), len(trained.devices))
        ask = open_device_graph(objective, files[graph.file], *widths)
        inputs = random_inputs(trained, N_GOLDEN, seed)
        outputs = ask(inputs)
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
    decider, n_devices = learned.decider, len(trained.devices)
    views = ViewWriter(write, "features", _logs(write, learned))
    mean, log_cost = _costs(views, learned)
    p, loss = write_outlook(views, decider, mean, "shift")
    strangeness = _strangeness(views, learned.region)
    widened = write.with_number("Max", strangeness, 1.0)
    parts = (
        log_cost,
        write.with_number("Mul", widened, learned.cost.sigma[None, :]),
        spread_out(write, p, decider.among, n_devices, 0.0),
        spread_out(write, loss, decider.among, n_devices, MOST_REGRET + MISTAKE),
        strangeness,
    )
    return write.serialised(
        packed(device_graph(objective)),
        {"features": len(trained.feature_names), "shift": n_devices},
        {PACKED: write.op("Concat", *parts, axis=1)},
    )


def _logs(write: GraphWriter, learned: TrainedObjective) -> Logs:
    """What any part of the graph takes the logarithm of."""
    fitted = [learned.cost.fitted, *(member.fitted for member in learned.decider.members)]
    views = [each.views for each in fitted if not isinstance(each, Shares)]
    laws = [each.physical for each in fitted if isinstance(each, FittedCost)]
    return Logs(
        write,
        "features",
        [*views, learned.region.views, learned.decider.gate.views],
        [law.units for law in laws if law is not None],
    )


def _costs(views: ViewWriter, learned: TrainedObjective) -> tuple[str | None, str]:
    """The mean log cost of the contenders [B, C, 1], if one is predicted; that of all [B, D]."""
    decider, cost = learned.decider, learned.cost
    n_devices, n_contenders = decider.n_devices, len(decider.among)
    n_mean = n_contenders if decider.costing else 0
    every = np.eye(n_devices)
    unknown = np.full(n_devices, UNKNOWN)
    unknown[cost.measured] = 0.0
    sums = CostSums(views, np.concatenate([np.zeros(n_mean), unknown]))
    sums.add(cost.fitted, np.hstack([np.zeros((len(cost.measured), n_mean)), every[cost.measured]]))
    total = sum(member.weight for member in decider.costing)
    for member in decider.costing:
        share = member.weight / total * np.eye(n_contenders)
        sums.add(member.fitted, np.hstack([share, np.zeros((n_contenders, n_devices))]))
    found = sums.written("shift", np.hstack([every[:, decider.among][:, :n_mean], every]))
    if not n_mean:
        return None, found
    write = views.writer
    return (
        write.columns(found, np.arange(n_mean)[:, None]),
        write.columns(found, n_mean + np.arange(n_devices)),
    )


def spread_out(
    write: GraphWriter, value: str, columns: NDArray[np.int64], n_columns: int, rest: float
) -> str:
    """Columns [B, C] put where they belong among [B, D], the others filled with a number."""
    if len(columns) == n_columns:
        return value
    places = np.zeros((len(columns), n_columns))
    places[np.arange(len(columns)), columns] = 1.0
    return write.gemm(value, places, np.where(places.any(axis=0), 0.0, rest))


def _strangeness(views: ViewWriter, region: Region) -> str:
    """[B, 1]."""
    write, each = views.writer, np.eye(len(region.low)) / region.room
    weights = np.hstack([-each, each])
    bias = np.concatenate([region.low / region.room, -region.high / region.room])
    outside = write.sums("ReduceMax", views.affine(region.views, weights, bias))
    if len(region.points) == 0:
        return write.op("Relu", outside)
    factor = 1.0 / region.points.shape[1] / region.reach**2
    if (key := region.points.tobytes()) in views.distances:
        distances, other = views.distances[key]
        nearest = write.with_number("Mul", write.sums("ReduceMax", distances), factor / other)
    else:
        weights, bias = distance_weights(region.points, factor)
        squared = write.gemm(views.with_squares(region.views), weights, bias)
        nearest = write.sums("ReduceMin", squared)
    return write.op("Max", outside, nearest)


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
