"""All contenders on made-up nodes of all kinds, at several strengths of noise."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from components.madeup.populations import draw
from components.policy.manifest import PROBE_RULES
from components.policy.search_settings import SearchSettings
from models.allocator.arena import run
from models.allocator.arena_cases import madeup_cases
from models.allocator.arena_policy import PolicyContender
from models.allocator.baselines.lineup import baselines
from models.allocator.load_change import change_loads, summarise_loads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from components.policy.brain import Brain
    from models.allocator.arena import Case, Contender, Result
    from models.allocator.load_change import LoadSummary

BENCHMARK_SEED = 40_000
"""Of nodes that nothing was trained, tuned or gated on."""
BOLD = SearchSettings(min_p_feasible=0.2, max_unsafe_probes=4)
"""A job whose operator allows more than the default, by `joulepilot.probe-min-p` and
`joulepilot.probe-max-misses`."""
_LOAD_NODES = 200
"""Most nodes of a family whose load is moved."""


@dataclass(frozen=True, slots=True)
class Bout:
    """Every contender on the same nodes with the same noise."""

    family: str
    noise: float
    cases: tuple[Case, ...]
    results: tuple[Result, ...]
    """All cases of the first contender, then all of the second, and so on."""
    loads: LoadSummary | None
    """How ours follows when the load of the nodes moves; None where no job could."""


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
        surfaces = draw(family, seed, min(n_nodes, _LOAD_NODES))
        loads = summarise_loads(change_loads(brain, surfaces, noise, seed))
        yield Bout(family, noise, cases, tuple(results), loads)


def ours(brain: Brain) -> tuple[Contender, ...]:
    """Our search with each rule that may pick its probes, the bundle's own first.

    The last is the bundle's own again, allowed more misses, and probes more likely to miss.
    """
    own = brain.bundle.probe_rule
    rules = sorted(PROBE_RULES, key=lambda rule: rule != own)
    bold = PolicyContender(brain, own, BOLD)
    return (*(PolicyContender(brain, rule) for rule in rules), bold)
