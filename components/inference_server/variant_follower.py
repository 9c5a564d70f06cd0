"""Holds several versions of the network on the CPU; which one answers is one reference.

A version (quantised, or with fewer layers) takes the same images and costs and answers otherwise.
All are warm and follow the cpuset, so that a switch waits for nothing and loses no request.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.inference_server.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.inference_server.cpuset_follower import CpusetFollower
    from components.inference_server.prepared_network import Session


@dataclass(frozen=True, slots=True)
class VariantStatus:
    """One version of the network."""

    variant: str
    is_in_force: bool


class VariantFollower:
    """As a `CpusetFollower` of the version in force; the first is, until another is asked for."""

    def __init__(self, followers: Mapping[str, CpusetFollower]) -> None:
        """Take the versions by name.

        Raises:
            ModelError: they do not take the same images.
        """
        self._followers = dict(followers)
        self.first = next(iter(self._followers))
        self.variant = self.first
        """In force."""
        self.n_variant_switches = 0
        shapes = {name: follower.image_shape for name, follower in self._followers.items()}
        if len(set(shapes.values())) > 1:
            raise ModelError(
                f"asked to serve the versions {', '.join(shapes)}",
                f"they take images of {shapes}",
                "give versions of one network",
            )

    @property
    def session(self) -> Session:
        """The session in force."""
        return self._followers[self.variant].session

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Of one image, without the batch."""
        return self._followers[self.first].image_shape

    @property
    def cpus(self) -> frozenset[int]:
        """The CPUs that the session in force was made for."""
        return self._followers[self.variant].cpus

    @property
    def n_switches(self) -> int:
        """Times the number of threads of the version in force followed the cpuset."""
        return self._followers[self.variant].n_switches

    @property
    def variants(self) -> tuple[VariantStatus, ...]:
        """All versions."""
        return tuple(VariantStatus(name, name == self.variant) for name in self._followers)

    def use(self, variant: str | None) -> str | None:
        """Let a version answer from now on, None the first; why it cannot, None when it does."""
        wanted = variant or self.first
        if wanted not in self._followers:
            return f"it holds no version {wanted!r}; it holds {', '.join(self._followers)}"
        if wanted != self.variant:
            self.variant = wanted
            self.n_variant_switches += 1
        return None

    def start(self) -> None:
        """Let all of them begin to follow the cpuset."""
        for follower in self._followers.values():
            follower.start()

    def stop(self) -> None:
        """End all their watchers."""
        for follower in self._followers.values():
            follower.stop()
