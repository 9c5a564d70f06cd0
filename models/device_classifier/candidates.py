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
    known = is_known(feature_names)
    bases = ("none", "products", *(("roofline",) if known else ()))
    return (
        STATIC,
        LOGISTIC,
        Logistic("log", is_weighted=True),
        FOREST,
        Forest("ratios", is_weighted=True),
        PhysicalCost("none", "trees", "ratios"),
        *(PhysicalCost(base, "none") for base in bases if base != "none"),
        *(PhysicalCost(base, "kernel") for base in bases),
        *(PhysicalCost(base, "ridge", view) for base in bases for view in ("log", "squares")),
        PhysicalCost("roofline" if known else "products", "trees", "ratios"),
    )
