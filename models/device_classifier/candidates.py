"""Which learners compete for a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.device_classifier.choice_learners import Forest, Logistic, Static
from models.device_classifier.cost_learners import PhysicalCost
from models.device_classifier.roofline import is_known

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.device_classifier.task import Learner

STATIC = Static()
LOGISTIC = Logistic("log")
FOREST = Forest("raw")


def candidates(feature_names: Sequence[str]) -> tuple[Learner, ...]:
    """The learners to choose among; the roofline only where the features are known by name."""
    bases = ("none", "products", "roofline") if is_known(feature_names) else ("none", "products")
    costs = [
        PhysicalCost(base, residual)
        for base in bases
        for residual in ("none", "kernel", "trees")
        if (base, residual) != ("none", "none")
    ]
    return (
        STATIC,
        LOGISTIC,
        Logistic("squares"),
        FOREST,
        Forest("ratios", is_weighted=True),
        *costs,
        *(PhysicalCost(base, "ridge", "squares") for base in bases),
        PhysicalCost("none", "trees", "ratios"),
    )
