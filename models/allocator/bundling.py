"""Networks, what they learned from and how they did, as a bundle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.policy.bundle import ANY_NODE, Bundle, write_bundle
from components.policy.features import CANDIDATE_FEATURES
from components.policy.graphs import PREDICT
from components.policy.recorded_file import RECORDED, write_recorded
from components.policy.rows import ROW_FEATURES
from models.allocator.export import export_graphs
from models.code_version import git_commit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from components.policy.recorded import RecordedSurface
    from models.allocator.nets import Predictor, ProbeNet


def bundle_nets(
    predictor: Predictor,
    prober: ProbeNet,
    out: Path,
    *,
    probe_rule: str,
    lake_version: int | None = None,
    node_classes: tuple[str, ...] = (ANY_NODE,),
    evaluation_set: str = "",
    metrics: Mapping[str, float] | None = None,
    recorded: Sequence[RecordedSurface] = (),
) -> Bundle:
    """Write and check a bundle; what `out` held before is replaced file by file.

    With `recorded` surfaces of single jobs, searches for these start from them too.
    """
    bundle = Bundle(
        name="allocator",
        features=CANDIDATE_FEATURES,
        row_features=ROW_FEATURES,
        outputs=PREDICT.outputs,
        node_classes=node_classes,
        probe_rule=probe_rule,
        lake_version=lake_version,
        evaluation_set=evaluation_set,
        git_commit=git_commit(),
        metrics={name: round(value, 6) for name, value in sorted((metrics or {}).items())},
        files={},
    )
    files = export_graphs(predictor, prober)
    if recorded:
        files[RECORDED] = write_recorded(recorded)
    return write_bundle(out, bundle, files)
