"""A fitted forest as one node of an ONNX graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TensorProto

from models.device_classifier.graph_writer import ML

if TYPE_CHECKING:
    from models.device_classifier.graph_writer import GraphWriter
    from models.device_classifier.table import FloatArray, IntArray
    from models.device_classifier.trees import Trees


def write_trees(write: GraphWriter, trees: Trees, x: str, columns: IntArray | None = None) -> str:
    """The mean over the trees, [B, C]; scikit-learn compares in single precision.

    Args:
        write: the graph.
        trees: fitted on V features.
        x: [B, V], or more than these, and then
        columns: V of where they are.
    """
    places = np.arange(trees.model.n_features_in_) if columns is None else columns
    estimators = trees.model.estimators_
    parts = [
        _nodes(tree_id, each.tree_, places, trees.columns, len(estimators))
        for tree_id, each in enumerate(estimators)
    ]
    attributes = {name: [v for part in parts for v in part[name]] for name in parts[0]}
    single = write.op("Cast", x, to=TensorProto.FLOAT)
    found = write.op(
        "TreeEnsembleRegressor",
        single,
        domain=ML,
        n_targets=trees.n_outputs,
        aggregate_function="SUM",
        post_transform="NONE",
        **attributes,
    )
    return write.op("Cast", found, to=TensorProto.DOUBLE)


def _nodes(
    tree_id: int, tree: Any, places: IntArray, columns: IntArray, n_trees: int
) -> dict[str, list[Any]]:
    is_leaf = tree.children_left < 0
    values = _leaf_values(tree)
    leaves = np.flatnonzero(is_leaf)
    n_nodes, n_values = tree.node_count, len(columns)
    return {
        "nodes_treeids": [tree_id] * n_nodes,
        "nodes_nodeids": list(range(n_nodes)),
        "nodes_featureids": np.where(is_leaf, 0, places[tree.feature]).tolist(),
        "nodes_values": np.where(is_leaf, 0.0, _rounded_down(tree.threshold)).tolist(),
        "nodes_modes": np.where(is_leaf, "LEAF", "BRANCH_LEQ").tolist(),
        "nodes_truenodeids": np.where(is_leaf, 0, tree.children_left).tolist(),
        "nodes_falsenodeids": np.where(is_leaf, 0, tree.children_right).tolist(),
        "target_treeids": [tree_id] * (len(leaves) * n_values),
        "target_nodeids": np.repeat(leaves, n_values).tolist(),
        "target_ids": np.tile(columns, len(leaves)).tolist(),
        "target_weights": (values[leaves] / n_trees).ravel().tolist(),
    }


def _leaf_values(tree: Any) -> FloatArray:
    """What each node would answer, [nodes, outputs]: shares of classes, or means."""
    if tree.n_outputs > 1:  # regression of several outputs: [nodes, outputs, 1]
        return np.asarray(tree.value[:, :, 0])
    values = np.asarray(tree.value[:, 0, :])
    if values.shape[1] == 1:
        return values
    return np.asarray(values / values.sum(axis=1, keepdims=True))


def _rounded_down(thresholds: FloatArray) -> FloatArray:
    """The largest single-precision numbers that are not above: they split the same."""
    single = thresholds.astype(np.float32)
    return np.where(single > thresholds, np.nextafter(single, np.float32(-np.inf)), single)
