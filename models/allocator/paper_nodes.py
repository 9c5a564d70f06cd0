"""The simulated nodes that the paper's experiment is run on."""

from __future__ import annotations

from dataclasses import dataclass

from components.madeup.reference_node import ReferenceResponse, jittered_parameters

JITTER = 0.03
"""Each parameter of a jittered node lies within so much of the reference node's."""


@dataclass(frozen=True, slots=True)
class PaperNode:
    """A simulated node like the paper's, with its job."""

    name: str
    seed: int
    """Of the noise of its telemetry, and of what is trained on it."""
    response: ReferenceResponse


def reference_nodes(n_seeds: int) -> tuple[PaperNode, ...]:
    """The reference node, recorded and learned from anew with seeds 0, 1, …."""
    return tuple(
        PaperNode(f"simulated-reference-{seed}", seed, ReferenceResponse())
        for seed in range(n_seeds)
    )


def jittered_nodes(n: int) -> tuple[PaperNode, ...]:
    """Nodes like it, every parameter drawn anew; each has optima of its own."""
    return tuple(
        PaperNode(
            f"simulated-jittered-{seed}",
            seed,
            ReferenceResponse(parameters=jittered_parameters(seed, JITTER)),
        )
        for seed in range(n)
    )
