"""What the policy knows of a candidate before anything was tried: where its CPUs sit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from components.node.placement import Layout, preference
from components.policy.feature_spec import FeatureSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from components.jobs.candidate import Candidate
    from components.node.topology import Topology

_LOG_MOST = 8.4  # ln of 4096 CPUs
_SIBLING_WORTH = 0.25  # of a core; what SMT adds to throughput in the field, roughly

CANDIDATE_FEATURES: tuple[FeatureSpec, ...] = (
    FeatureSpec("log_cpus", "ln(1)", 0.0, _LOG_MOST),
    FeatureSpec("log_cores", "ln(1)", 0.0, _LOG_MOST),
    FeatureSpec("log_effective_cores", "ln(1)", 0.0, _LOG_MOST),
    FeatureSpec("share_of_cpus", "1", 0.0, 1.0),
    FeatureSpec("share_of_cores", "1", 0.0, 1.0),
    FeatureSpec("siblings_per_core", "1", 0.0, 7.0),
    FeatureSpec("share_of_sockets", "1", 0.0, 1.0),
    FeatureSpec("share_of_l3_groups", "1", 0.0, 1.0),
    FeatureSpec("log_l3_groups", "ln(1)", 0.0, _LOG_MOST),
    FeatureSpec("l3_fill", "1", 0.0, 1.0),
    FeatureSpec("socket_balance", "1", 0.0, 1.0),
    FeatureSpec("inverse_cpus", "1", 0.0, 1.0),
    FeatureSpec("cpus_mod_2", "1/2", 0.0, 1.0),
    FeatureSpec("cpus_mod_4", "1/4", 0.0, 1.0),
    FeatureSpec("cpus_mod_8", "1/8", 0.0, 1.0),
    FeatureSpec("log_node_cores", "ln(1)", 0.0, _LOG_MOST),
    FeatureSpec("log_node_threads_per_core", "ln(1)", 0.0, 2.1),
    FeatureSpec("log_node_l3_groups", "ln(1)", 0.0, _LOG_MOST),
    FeatureSpec("log_node_sockets", "ln(1)", 0.0, 3.5),
    FeatureSpec("is_spread", "1", 0.0, 1.0),
    FeatureSpec("is_smt", "1", 0.0, 1.0),
)
"""In the order of the columns of `candidate_features`."""


def candidate_features(topology: Topology, candidates: Sequence[Candidate]) -> NDArray[np.float32]:
    """Describe candidates by the CPUs they take of an empty node.

    Returns:
        Shape (C, 21), columns as in `CANDIDATE_FEATURES`. Numbering of equal CPUs is not seen.
    """
    tables = {layout: _layout_features(topology, layout) for layout in Layout}
    rows = [tables[c.layout][c.n_cpus - 1] for c in candidates]
    return np.asarray(rows, dtype=np.float32)


def _layout_features(topology: Topology, layout: Layout) -> NDArray[np.float64]:
    """Rows for 1, 2, … CPUs taken in the order of a layout."""
    cpus = [topology.by_id[cpu] for cpu in preference(topology, layout)]
    new_core = _first_seen([cpu.core for cpu in cpus])
    n = np.arange(1, len(cpus) + 1, dtype=np.float64)
    cores = np.cumsum(new_core)
    l3s = np.cumsum(_first_seen([cpu.l3 for cpu in cpus]))
    sockets = np.cumsum(_first_seen([cpu.socket for cpu in cpus]))
    socket_ids = sorted({cpu.socket for cpu in cpus})
    of_socket = np.asarray([[cpu.socket == s for s in socket_ids] for cpu in cpus])
    per_socket = np.cumsum(of_socket * new_core[:, np.newaxis], axis=0)
    cores_per_l3 = topology.n_physical / topology.n_l3_groups
    columns = (
        np.log(n),
        np.log(cores),
        np.log(cores + _SIBLING_WORTH * (n - cores)),
        n / topology.n_logical,
        cores / topology.n_physical,
        (n - cores) / cores,
        sockets / topology.n_sockets,
        l3s / topology.n_l3_groups,
        np.log(l3s),
        np.minimum(cores / (l3s * cores_per_l3), 1.0),
        per_socket.min(axis=1) / per_socket.max(axis=1),
        1.0 / n,
        np.mod(n, 2.0) / 2.0,
        np.mod(n, 4.0) / 4.0,
        np.mod(n, 8.0) / 8.0,
        np.full_like(n, np.log(topology.n_physical)),
        np.full_like(n, np.log(topology.n_logical / topology.n_physical)),
        np.full_like(n, np.log(topology.n_l3_groups)),
        np.full_like(n, np.log(topology.n_sockets)),
        np.full_like(n, float(layout is Layout.SPREAD)),
        np.full_like(n, float(layout is Layout.SMT)),
    )
    return np.stack(columns, axis=1)


def _first_seen(keys: Sequence[int]) -> NDArray[np.float64]:
    seen: set[int] = set()
    flags = []
    for key in keys:
        flags.append(float(key not in seen))
        seen.add(key)
    return np.asarray(flags)
