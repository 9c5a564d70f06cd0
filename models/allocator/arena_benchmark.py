"""All contenders on made-up nodes of all kinds, at several strengths of noise."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from components.policy.manifest import EXPECTED_IMPROVEMENT, LEARNED
from models.allocator.arena import run
from models.allocator.arena_cases import madeup_cases
from models.allocator.arena_policy import PolicyContender
from models.allocator.baselines.lineup import baselines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from components.policy.brain import Brain
    from models.allocator.arena import Case, Contender, Result

BENCHMARK_SEED = 40_000
"""Of nodes that nothing was trained, tuned or gated on."""


@dataclass(frozen=True, slots=True)
class Bout:
    """Every contender on the same nodes with the same noise."""

    family: str
    noise: float
    cases: tuple[Case, ...]
    results: tuple[Result, ...]
    """All cases of the first contender, then all of the second, and so on."""


def benchmark(
    brain: Brain,
    *,
    families: Sequence[str],
    noises: Sequence[float],
    n_nodes: int,
    seed: int = BENCHMARK_SEED,
    others: Sequence[Contender] = (),
    progress: Callable[[int, int, str], None] | None = None,
) -> Iterator[Bout]:
    """Let ours and every baseline decide the same nodes, one bout a family and noise.

    Args:
        brain: of the bundle that ours search with.
        families: populations to draw from.
        noises: sigma of one window's log latency, for all nodes alike.
        n_nodes: of each family; the first of a seed are the same whatever their number.
        seed: of nodes, noise and contenders.
        others: further contenders; slow ones, for example.
        progress: told how many of all contenders are through.

    Raises:
        MadeUpError: there is no such family.
        BundleError, PolicyError: the bundle does not decide.
    """
    pairs = list(product(families, noises))
    for n_bouts, (family, noise) in enumerate(pairs):
        cases = madeup_cases(family, n_nodes, seed, noise)
        contenders = (*ours(brain), *others, *baselines(cases))
        results: list[Result] = []
        for n_before, contender in enumerate(contenders):
            if progress is not None:
                done = n_bouts * len(contenders) + n_before
                progress(done, len(pairs) * len(contenders), f"{family}: {contender.name}")
            results.extend(run(contender, case, seed) for case in cases)
        yield Bout(family, noise, cases, tuple(results))


def ours(brain: Brain) -> tuple[Contender, ...]:
    """Our search with each rule that may pick its probes, the bundle's own first."""
    rules = sorted((LEARNED, EXPECTED_IMPROVEMENT), key=lambda r: r != brain.bundle.probe_rule)
    return tuple(PolicyContender(brain, rule) for rule in rules)
