"""Watches a predictor learn: checkpoints to go on from, and when to stop.

A training that was interrupted goes on from its last checkpoint and ends with the very weights it
would have ended with: weights, optimizer, schedule, random numbers and what was seen so far are
all kept. A checkpoint of other inputs is not touched but replaced.
"""

from __future__ import annotations

import copy
import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy as np
    from torch import nn

    Loss = Callable[[Any], float]

N_LOOKS = 20
"""Times the validation population is asked over a whole training."""
PATIENCE = 10
"""Looks without a better loss after which learning stops: half of them, since the learning rate
falls to the end and the loss with it."""


@dataclass(slots=True)
class TrainingWatch:
    """One training of one network; tell it every step."""

    n_steps: int
    inputs: str = ""
    """Digest of all that the training depends on: a checkpoint of other inputs is none."""
    file: Path | None = None
    """Of the checkpoint; None: nothing is kept."""
    validation_loss: Loss | None = None
    """Of the network on surfaces it does not learn from; None: learn to the end."""
    losses: list[float] = field(default_factory=list)
    validation: list[float] = field(default_factory=list)
    """The validation loss at every look."""
    best: dict[str, torch.Tensor] | None = None
    """Weights at the look with the least validation loss."""

    @property
    def every(self) -> int:
        """Steps between two looks."""
        return max(self.n_steps // N_LOOKS, 1)

    @property
    def stopped_early(self) -> bool:
        """Whether the end came before the last step."""
        return len(self.losses) < self.n_steps

    def resume(
        self,
        net: nn.Module,
        optimizer: torch.optim.Optimizer,
        schedule: torch.optim.lr_scheduler.LRScheduler,
        rng: np.random.Generator,
    ) -> int:
        """Put everything back as the last checkpoint has it; returns the step to go on with."""
        kept = self._kept()
        if kept is not None:
            net.load_state_dict(kept["net"])
            optimizer.load_state_dict(kept["optimizer"])
            schedule.load_state_dict(kept["schedule"])
            rng.bit_generator.state = json.loads(kept["rng"])
            self.losses[:], self.validation[:] = kept["losses"], kept["validation"]
            self.best = kept["best"]
        return self.n_steps if self._is_enough() else len(self.losses)

    def is_over(
        self,
        loss: float,
        net: nn.Module,
        optimizer: torch.optim.Optimizer,
        schedule: torch.optim.lr_scheduler.LRScheduler,
        rng: np.random.Generator,
    ) -> bool:
        """Take note of a step; whether learning should stop."""
        self.losses.append(loss)
        if len(self.losses) % self.every:
            return False
        if self.validation_loss is not None:
            self.validation.append(self.validation_loss(net))
            if self.validation[-1] <= min(self.validation):
                self.best = copy.deepcopy(net.state_dict())
        self._keep(
            {
                "inputs": self.inputs,
                "net": net.state_dict(),
                "optimizer": optimizer.state_dict(),
                "schedule": schedule.state_dict(),
                "rng": json.dumps(rng.bit_generator.state),
                "losses": self.losses,
                "validation": self.validation,
                "best": self.best,
            }
        )
        return self._is_enough()

    def finish(self, net: nn.Module) -> None:
        """Give the network its best weights."""
        if self.best is not None:
            net.load_state_dict(self.best)

    def _is_enough(self) -> bool:
        if not self.validation:
            return False
        at = self.validation.index(min(self.validation))
        return len(self.validation) - 1 - at >= PATIENCE

    def _kept(self) -> dict[str, Any] | None:
        if self.file is None or not self.file.exists():
            return None
        kept: dict[str, Any] = torch.load(self.file, weights_only=True)
        return kept if kept["inputs"] == self.inputs else None

    def _keep(self, state: dict[str, Any]) -> None:
        """Replace the checkpoint at once, so that there is always a whole one."""
        if self.file is None:
            return
        self.file.parent.mkdir(parents=True, exist_ok=True)
        draft = self.file.with_suffix(".new")
        torch.save(state, draft)
        draft.replace(self.file)


def means(values: list[float], n_parts: int = 100) -> tuple[float, ...]:
    """Average a long curve to at most so many points."""
    size = math.ceil(len(values) / n_parts) if values else 1
    parts = [values[i : i + size] for i in range(0, len(values), size)]
    return tuple(math.fsum(part) / len(part) for part in parts)
