"""Which version of an application a job runs: good enough always, and no switch for nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from components.jobs.variant import Variant

LEAST_GAIN = 0.1
"""How much faster on the same CPUs a version has to be than a better one, to be worth the search
that follows a switch and the quality that is lost."""


@dataclass(frozen=True, slots=True)
class VariantChoice:
    """The version that is to be in force, and why."""

    variant: str
    reason: str
    is_trial: bool = False
    """Whether it is only to be seen what it costs."""


def allowed_variants(variants: Sequence[Variant], min_quality: float) -> tuple[Variant, ...]:
    """Those that are good enough, the best first; the best of all where none is."""
    ordered = sorted(variants, key=lambda v: (-v.quality, v.name))
    return tuple(v for v in ordered if v.quality >= min_quality) or tuple(ordered[:1])


def choose_variant(
    variants: Sequence[Variant],
    min_quality: float,
    in_force: str,
    seen_ms: Mapping[str, float],
    *,
    is_resting: bool,
) -> VariantChoice:
    """Choose among the versions that are good enough.

    One that is not good enough does not stay. While the job rests, each of the others is tried for
    a window on the same CPUs; a version gives way to one that is worse by quality only where that
    is clearly faster: then fewer CPUs do, or the target is kept that was not.

    Args:
        variants: all versions; not empty.
        min_quality: least quality of the job.
        in_force: version that answers now.
        seen_ms: latency of versions, all on the CPUs in force at the present load.
        is_resting: whether its CPUs stay as they are for now.
    """
    allowed = allowed_variants(variants, min_quality)
    names = [variant.name for variant in allowed]
    if in_force not in names:
        return VariantChoice(names[0], f"{in_force} is below the least quality, {min_quality:g}")
    if not is_resting:
        return VariantChoice(in_force, "its CPUs are being searched for")
    for name in (in_force, *names):
        if name not in seen_ms:
            return VariantChoice(name, "what it costs was not seen yet", is_trial=True)
    best = names[0]
    for name in names[1:]:
        if seen_ms[name] <= seen_ms[best] * (1.0 - LEAST_GAIN):
            best = name
    told = ", ".join(f"{name} {seen_ms[name]:.3g} ms" for name in names)
    return VariantChoice(best, f"on the same CPUs: {told}")
