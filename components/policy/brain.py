"""A bundle's graphs, ready to be asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from components.policy.belief import Forecast
from components.policy.bundle import bundle_digest, open_bundle
from components.policy.errors import PolicyError
from components.policy.graphs import PREDICT
from components.policy.recorded import RecordedSurfaces

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from components.policy.bundle import Bundle
    from components.policy.graphs import Ask
    from components.policy.rows import Rows


@dataclass(frozen=True, slots=True)
class Brain:
    """Predicts candidates from probes, and scores what to probe next."""

    bundle: Bundle
    digest: str
    predictor: Ask
    prober: Ask
    recorded: RecordedSurfaces = field(default_factory=RecordedSurfaces)
    """What the bundle holds of single jobs on single nodes."""

    def forecast(
        self,
        candidates: NDArray[np.float32],
        probes: NDArray[np.float32],
        probe_mask: NDArray[np.float32],
    ) -> Forecast:
        """Predict latency and power of candidates.

        Args:
            candidates: shape (B, C, F), `candidate_features`.
            probes: shape (B, P, F + 2), features, log latency and log power of what was measured.
            probe_mask: shape (B, P), 1 where a probe counts; the first always does.

        Raises:
            PolicyError: an input or an output is not finite.
        """
        _demand_finite("asked for predictions", candidates, probes)
        answer = self.predictor(
            {"candidates": candidates, "probes": probes, "probe_mask": probe_mask}
        )
        _demand_finite("predicted latency and power", *answer.values())
        return Forecast(*(answer[name].astype(np.float64) for name in PREDICT.output_names))

    def logits(self, rows: Rows) -> NDArray[np.float64]:
        """Score the rows, shape (B, R); rows that may not be chosen are not masked here.

        Raises:
            PolicyError: an input or an output is not finite.
        """
        _demand_finite("asked what to probe", rows.features)
        feeds = {"rows": rows.features, "row_mask": rows.mask.astype(np.float32)}
        logits = self.prober(feeds)["logits"]
        _demand_finite("scored what to probe", logits)
        return logits.astype(np.float64)


def load_brain(folder: Path) -> Brain:
    """Check a bundle and open its graphs.

    Raises:
        BundleError: the bundle does not pass `check_bundle`.
    """
    opened = open_bundle(folder)
    return Brain(
        opened.bundle, bundle_digest(folder), opened.predictor, opened.prober, opened.recorded
    )


def _demand_finite(asked: str, *values: NDArray[np.float32]) -> None:
    for value in values:
        if not np.isfinite(value).all():
            raise PolicyError(
                asked, "a number is not finite", "keep the allocation in force, check the bundle"
            )
