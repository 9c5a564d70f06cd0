"""All baselines that decide within milliseconds, in the order tables show them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.allocator.baselines.acceptance import Confirmed
from models.allocator.baselines.binary_search import BinarySearch
from models.allocator.baselines.feedback import Feedback
from models.allocator.baselines.fixed import ALL_CPUS, HALF
from models.allocator.baselines.gaussian_process import BayesianOptimisation
from models.allocator.baselines.hill_climbing import HillClimbing
from models.allocator.baselines.hindsight import oracle, static_best
from models.allocator.baselines.random_probes import RandomProbes
from models.allocator.baselines.regression import Regression
from models.allocator.baselines.scaling_laws import ScalingLaw, amdahl, universal
from models.allocator.baselines.vpa import VerticalAutoscaler

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.allocator.arena import Case, Contender


def baselines(cases: Sequence[Case]) -> tuple[Contender, ...]:
    """Every baseline; those in hindsight are worked out from the cases.

    The best come twice: as they are, and held to our acceptance rule.
    """
    halving = BinarySearch("binary search, then layouts", layouts=True)
    scaling = ScalingLaw("USL on 4, up until met", universal, until_met=True)
    processes = BayesianOptimisation()
    return (
        oracle(cases),
        ALL_CPUS,
        HALF,
        static_best(cases),
        VerticalAutoscaler(),
        Feedback(),
        HillClimbing(),
        BinarySearch("binary search, compact", layouts=False),
        halving,
        ScalingLaw("Amdahl on 4", amdahl, until_met=False),
        ScalingLaw("Amdahl on 4, up until met", amdahl, until_met=True),
        ScalingLaw("USL on 4", universal, until_met=False),
        scaling,
        processes,
        Regression(),
        Confirmed(halving),
        Confirmed(scaling),
        Confirmed(processes),
        RandomProbes(),
    )
