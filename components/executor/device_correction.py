"""What this node learned of its devices beyond the classifier: kept, and forgotten in time."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.policy.correction import Correction, CorrectionSettings, Key
from components.policy.correction_file import load_correction, save_correction
from components.policy.errors import PolicyError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

log = logging.getLogger(__name__)
LATENCY = "latency"
"""What is measured of a batch; its joules and its rate are taken to be off by the same factor."""


class NodeCorrection:
    """All corrections of a node, bound to the classifier whose predictions they correct."""

    def __init__(self, path: Path | None, now_s: Callable[[], float]) -> None:
        """Start with nothing learned.

        Args:
            path: of the file; None: nothing outlives the process.
            now_s: seconds since the epoch.
        """
        self._path = path
        self._now_s = now_s
        self._settings = CorrectionSettings()
        self._digest: str | None = None
        self._correction = Correction(self._settings)

    @property
    def correction(self) -> Correction:
        """What is believed now."""
        return self._correction

    def bind(self, digest: str | None) -> None:
        """Take up what was learned with this classifier; with another one it begins anew."""
        if digest == self._digest:
            return
        self._digest = digest
        self._correction = Correction(self._settings)
        if digest is not None and self._path is not None:
            now_s = self._now_s()
            self._correction = load_correction(self._path, self._settings, digest, now_s)

    def observe(self, key: Key, miss: float) -> None:
        """Learn from one measurement; an absurd one is told and left out."""
        try:
            self._correction = self._correction.observed(key, miss, self._now_s())
        except PolicyError as error:
            log.warning("%s", error)
            return
        self._save()

    def shift(self, key: Key) -> float:
        """What to add to a predicted log cost."""
        return self._correction.shift(key, self._now_s())

    def reset(self, *, target: str | None = None, job: str | None = None) -> int:
        """Forget, as an operator asked; how many estimates went."""
        before = len(self._correction.estimates)
        self._correction = self._correction.without(target=target, job=job)
        self._save()
        return before - len(self._correction.estimates)

    def _save(self) -> None:
        if self._path is None or self._digest is None:
            return
        try:
            save_correction(self._path, self._correction, self._digest)
        except OSError as error:
            log.warning("what was tuned is not kept in %s: %s", self._path, error)


@dataclass(frozen=True, slots=True)
class NetworkCorrection:
    """The corrections of one network: what steering of a job asks and tells."""

    node: NodeCorrection
    network: str

    def observe(self, device: str, log_error: float) -> None:
        """Take in by how much a prediction without correction was off, as a logarithm."""
        self.node.observe(Key(LATENCY, device, self.network), log_error)

    def shift(self, device: str) -> float:
        """What to add to log costs of a device."""
        return self.node.shift(Key(LATENCY, device, self.network))
